"""What two frozen nets see in the faces of a table, computed once and kept on disk, so that a recipe trains in minutes.

Each face is found and aligned as in the service, and seen as it is and mirrored. Every 256 rows are a file, so an
extraction that was killed goes on where it stopped.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from cv.engine.align import ARCFACE_5, TEMPLATE, XCLOUD_5, Crop, crop_similarity, warp, whole_picture_similarity
from cv.engine.config import DecodeLimits, EngineConfig
from cv.engine.decode import decode
from cv.engine.detect import Detector
from cv.engine.errors import EngineError
from cv.engine.manifest import read_manifest
from cv.engine.outputs import EMBEDDING
from cv.engine.readers.embeddings import EmbeddingReader
from cv.engine.runtime import load_detector
from cv.engine.types import AnalysisOptions
from training.data.labels import Row
from training.data.tables import rows
from training.nets.trunks import lower_trunk, upper_trunk

log = logging.getLogger(__name__)

DLIB_CROP: Final = Crop(XCLOUD_5, 150)
SFACE_CROP: Final = Crop(ARCFACE_5, 112)
_ROWS_A_FILE: Final = 256
_BATCH: Final = 16
_FORMAT: Final = 1

Chip = npt.NDArray[np.uint8]
Item = TypeVar("Item")
# Rows, maps and vectors of some faces, as in Features.
_Part = tuple[list[Row], npt.NDArray[np.float16], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Features:
    """N faces in the table's order, each seen as it is and mirrored.

    rows: the labels as the table has them. maps: float16 ``(N, 2, 128, 8, 8)``, from the third stage of dlib's net.
    high: float16 ``(N, 2, 256, 2, 2)``, from its last stage. vectors: float32 ``(N, 2, 128)``, SFace's, of length 1.
    """

    rows: list[Row]
    maps: npt.NDArray[np.float16]
    high: npt.NDArray[np.float16]
    vectors: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> npt.NDArray[np.object_]:
        """The labels of one column, object ``(N,)``; None where a row lacks it."""
        labels = np.empty(len(self.rows), dtype=object)
        labels[:] = [row.get(name) for row in self.rows]
        return labels

    def take(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "Features":
        """The faces with these indices, or those that a mask of ``(N,)`` marks."""
        indices = np.arange(len(self))[chosen]
        kept = [self.rows[i] for i in indices]
        return Features(kept, self.maps[indices], self.high[indices], self.vectors[indices])

    def levels(self, *, low: bool = True, high: bool = True, vector: bool = True) -> npt.NDArray[np.float32]:
        """What both nets say about each view of a face, float32 ``(N, 2, D)``: dlib's third stage averaged over a grid
        of 2 × 2 (512 numbers), its last stage (1,024), and SFace's vector (128)."""
        grid = self.maps.reshape(len(self), 2, 128, 2, 4, 2, 4).mean(axis=(4, 6), dtype=np.float32)
        parts = [grid] * low + [self.high.astype(np.float32)] * high + [self.vectors] * vector
        return np.concatenate([part.reshape(len(self), 2, -1) for part in parts], axis=2)


class FrozenNets:
    """Detector, the lower part of dlib's net, and SFace. Raises ModelNotReady or FileNotFoundError without weights."""

    def __init__(self, config: EngineConfig) -> None:
        self.detector: Detector = load_detector(config)
        self.trunk = lower_trunk().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        models = read_manifest(config.weights_dir).models
        self.sface = EmbeddingReader.load(next(model for model in models if EMBEDDING.name in model.heads), config)

    def cut(self, data: bytes) -> tuple[Chip, Chip]:
        """The largest face of a picture, or the whole picture if none is found, for dlib's net and for SFace: uint8 RGB
        ``(S, S, 3)``. Raises EngineError if the picture cannot be read."""
        image = decode(data, DecodeLimits(), AnalysisOptions().min_face_px).pixels
        found = next(iter(self.detector.detect(image, AnalysisOptions().min_face_px, max_faces=1)), None)
        dlib, sface = (
            warp(
                image,
                crop_similarity(found.landmarks, crop) if found else whole_picture_similarity(image.size, crop.size),
                crop.size,
            )
            for crop in (DLIB_CROP, SFACE_CROP)
        )
        return dlib, sface

    @torch.inference_mode()
    def see(self, dlib: Chip, sface: Chip) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
        """Chips ``(N, S, S, 3)`` → maps and vectors, as Features has them."""
        views = torch.from_numpy(np.stack([dlib, dlib[:, :, ::-1]], axis=1)).flatten(0, 1)
        inputs = views.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        maps = self.trunk(inputs).half().contiguous().numpy()
        vectors = self.sface.embed(np.stack([sface, sface[:, :, ::-1]], axis=1).reshape(-1, *sface.shape[1:]))
        return maps.reshape(len(dlib), 2, *maps.shape[1:]), vectors.reshape(len(sface), 2, -1)


def load_features(
    table: Path,
    folder: Path,
    split: str | None = None,
    limit: int | None = None,
    only: tuple[str, frozenset[str]] | None = None,
) -> Features:
    """The features of one split, or of the whole table; of ``limit`` rows drawn with a fixed seed; ``only`` of the rows
    with one of some values in a column.

    Raises OSError or ValueError if the table cannot be read, SystemExit if it has no picture that can be.
    """
    if split is not None and limit is None and only is None:
        # The table is seen once, for all splits.
        whole = load_features(table, folder)
        chosen = whole.column("split") == split
        if not chosen.any():
            raise SystemExit(f"{table.name} has no readable picture in the split {split}")
        return whole.take(chosen)
    config = EngineConfig(threads=1)
    place = folder / f"{table.stem}-{split or 'all'}-{limit or 'all'}-{_digest(table, config)}"
    if only is not None:
        place = place.with_name(f"{place.name}-{hashlib.sha256(repr(sorted(only[1])).encode()).hexdigest()[:8]}")
    if not (place / "whole").exists():
        place.mkdir(parents=True, exist_ok=True)
        numbered = (
            (number, row) for number, row in rows(table, split, limit) if only is None or str(row[only[0]]) in only[1]
        )
        _extract(table, tqdm(numbered, desc=f"features of {table.stem}", unit="img"), place, config)
    parts = [_read(file) for file in sorted(place.glob("*.npz"))]
    kept = [row for part in parts for row in part[0]]
    if not kept:
        raise SystemExit(f"{table.name} has no readable picture that is asked for")
    maps, vectors = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    file = place / "high.npy"
    if not file.exists():
        unfinished = place / f"high.{os.getpid()}.part"
        with unfinished.open("wb") as opened:
            np.save(opened, _see_high(maps))
        unfinished.rename(file)
    return Features(kept, maps, np.load(file), vectors)


def _digest(table: Path, config: EngineConfig) -> str:
    """Of what determines the features: the table, the detector, the alignment and both nets."""
    with table.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    manifest = read_manifest(config.weights_dir)
    nets = [files.onnx.sha256 for files in manifest.detector.values()]
    nets += [model.card.sha256 for model in manifest.models if EMBEDDING.name in model.heads]
    parts = (_FORMAT, TEMPLATE.tobytes(), ARCFACE_5.points, nets, config.thresholds, content)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _extract(table: Path, numbered: Iterable[tuple[int, Row]], place: Path, config: EngineConfig) -> None:
    nets = FrozenNets(config)
    for number, group in enumerate(_batches(numbered, _ROWS_A_FILE)):
        file = place / f"{number:05}.npz"
        if not file.exists():
            _write(file, *_see_rows(nets, table, group))
    (place / "whole").touch()


def _see_rows(nets: FrozenNets, table: Path, numbered: Iterable[tuple[int, Row]]) -> _Part:
    kept: list[Row] = []
    chips: list[tuple[Chip, Chip]] = []
    for number, row in numbered:
        try:
            chips.append(nets.cut(row.pop("image") or b""))
        except EngineError as error:
            log.warning("%s row %d left out: %s", table.name, number, error)
            continue
        kept.append(row)
    maps = [np.zeros((0, 2, 128, 8, 8), np.float16)]
    vectors = [np.zeros((0, 2, 128), np.float32)]
    for batch in _batches(chips, _BATCH):
        seen = nets.see(np.stack([dlib for dlib, _ in batch]), np.stack([sface for _, sface in batch]))
        maps.append(seen[0])
        vectors.append(seen[1])
    return kept, np.concatenate(maps), np.concatenate(vectors)


@torch.inference_mode()
def _see_high(maps: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    trunk = upper_trunk().eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen = []
    for start in range(0, len(maps), _BATCH * 2):
        views = torch.from_numpy(maps[start : start + _BATCH * 2]).flatten(0, 1).float()
        seen.append(trunk(views.contiguous(memory_format=torch.channels_last)).half())
    high: npt.NDArray[np.float16] = torch.cat(seen).contiguous().numpy().reshape(len(maps), 2, *seen[0].shape[1:])
    return high


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _write(file: Path, kept: list[Row], maps: npt.NDArray[np.float16], vectors: npt.NDArray[np.float32]) -> None:
    # Two runs that see the same table at once each write a file of their own.
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as opened:
        np.savez(opened, rows=np.array(json.dumps(kept, default=float)), maps=maps, vectors=vectors)
    unfinished.rename(file)


def _read(file: Path) -> _Part:
    with np.load(file) as stored:
        return json.loads(str(stored["rows"])), stored["maps"], stored["vectors"]
