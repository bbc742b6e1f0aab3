"""What the lower half of the trait net sees in CelebA, kept on disk: an epoch then takes minutes instead of an hour.

It is seen in 8-bit integers, as it is served, so that the upper half learns from exactly what it gets later.
CelebA's pictures are aligned by their makers, so one similarity cuts all chips, in a tenth of the detector's time. The
service aligns each face by its own landmarks, so every chip that is learned from is moved a little at random, and every
second one is mirrored.
"""

import hashlib
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from tqdm import tqdm

from cv.engine.align import Similarity, crop_similarity, fit_similarity, warp
from cv.engine.detect import Detector
from cv.engine.labels import ALL_TRAITS
from cv.engine.manifest import WeightsFile
from cv.engine.sessions import Net, load_onnx_net
from cv.engine.transforms import chips_to_input
from cv.engine.types import AnalysisOptions
from training.data.tables import rows
from training.nets.dlib_weights import pretrained_face_resnet
from training.nets.trait_net import CROP, MAP, start_from
from training.publish.export import to_onnx
from training.publish.quantize import quantize

# The medians of the detector's five landmarks in 150 pictures of `train`, as shares of the picture's width.
LANDMARKS: Final = np.array([[0.3951, 0.6295], [0.6125, 0.6295], [0.5035, 0.7632], [0.409, 0.8618], [0.5986, 0.8618]])
VIEWS: Final = 1
# The length of a vector: 128 channels at 3 × 3 places.
VECTOR: Final = 128 * 9
# The largest turn in degrees, and change of size and shift as shares of the chip's side.
_TURN, _ZOOM, _SHIFT = 5.0, 0.05, 0.02
_BATCH, _SAMPLE, _FORMAT, _SEED = 64, 256, 1, 20261129


@dataclass(frozen=True, slots=True)
class Seen:
    """N faces. maps: float16 ``(N, *MAP)`` for each view; vectors: float16 ``(N, VECTOR)`` of the first view, dlib's
    third stage, averaged to 3 × 3; targets: float32 ``(N, 40)`` of 0 and 1 in the order of ALL_TRAITS; people: int64
    ``(N,)``; chosen: int64 ``(N,)``, where each face is in maps and vectors."""

    maps: tuple[npt.NDArray[np.float16], ...]
    vectors: npt.NDArray[np.float16]
    targets: npt.NDArray[np.float32]
    people: npt.NDArray[np.int64]
    chosen: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.chosen)

    def where(self, kept: npt.NDArray[np.bool_]) -> "Seen":
        """The faces for which ``kept`` ``(N,)`` is true."""
        return replace(self, targets=self.targets[kept], people=self.people[kept], chosen=self.chosen[kept])


def see_celeba(table: Path, split: str, folder: Path) -> Seen:
    """The faces of a split as dlib's trunk sees them before training, from ``folder`` if they are there.

    Raises OSError or ValueError if the table cannot be read or has no rows of the split.
    """
    labels = [(row["flags"], row["identity"]) for _, row in rows(table, split)]
    if not labels:
        raise ValueError(f"{table.name} has no row of the split {split!r}")
    folder.mkdir(parents=True, exist_ok=True)
    see = load_lower(table, folder)
    stem = f"{table.stem}-{digest_table(table)}-{split}"
    maps = []
    for view in range(VIEWS):
        file = folder / f"{stem}-maps-{view}.npy"
        if not file.exists():
            seen = (torch.from_numpy(see(chips_to_input(chips))[0]) for chips in _chips(table, split, view))
            _write(file, MAP, len(labels), seen)
        maps.append(np.load(file, mmap_mode="r"))
    file = folder / f"{stem}-vectors.npy"
    if not file.exists():
        parts = (torch.from_numpy(maps[0][i : i + _BATCH].astype(np.float32)) for i in range(0, len(labels), _BATCH))
        third = start_from(pretrained_face_resnet()[0])[1].trunk[0].eval()
        _write(file, (VECTOR,), len(labels), (F.adaptive_avg_pool2d(third(part), 3).flatten(1) for part in parts))
    return Seen(
        tuple(maps),
        np.load(file, mmap_mode="r"),
        np.array([[name in flags for name in ALL_TRAITS] for flags, _ in labels], np.float32),
        np.array([person for _, person in labels], np.int64),
        np.arange(len(labels)),
    )


def load_lower(table: Path, folder: Path) -> Net:
    """The lower half in integers: float32 ``(N, 3, 112, 112)`` → one output, maps ``(N, *MAP)``."""
    file = folder / f"{table.stem}-{digest_table(table)}.onnx"
    if not file.exists():
        lower, _ = start_from(pretrained_face_resnet()[0])
        example = torch.rand(2, 3, CROP.size, CROP.size) * 255
        part = file.with_suffix(".part")
        part.write_bytes(quantize(to_onnx(Alone(lower).eval(), example), sample(table)))
        part.rename(file)
    return load_onnx_net(WeightsFile(file, hashlib.sha256(file.read_bytes()).hexdigest(), "onnx"), 1, None)


def sample(table: Path) -> npt.NDArray[np.uint8]:
    """Chips of ``train`` on which the ranges of integers are measured, uint8 RGB ``(N, 112, 112, 3)``."""
    return np.stack([cut(row["image"]) for _, row in rows(table, "train", _SAMPLE)])


def digest_table(table: Path) -> str:
    """Of what determines the maps and vectors."""
    with table.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    parts: list[Any] = [_FORMAT, repr(CROP), LANDMARKS.tolist(), _TURN, _ZOOM, _SHIFT, content]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def cut(picture: bytes, dice: np.random.Generator | None = None) -> npt.NDArray[np.uint8]:
    """The chip of an aligned picture, uint8 RGB ``(112, 112, 3)``; with ``dice`` it is moved a little.

    Raises OSError if the picture cannot be read.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    square = CROP.size / (1 + 2 * CROP.margin)
    to_chip = fit_similarity(LANDMARKS * image.width, CROP.template.array * square).shifted(CROP.margin * square)
    return warp(image, _moved(to_chip, dice) if dice else to_chip, CROP.size)


def cut_detected(detector: Detector, picture: bytes) -> npt.NDArray[np.uint8] | None:
    """The chip of the largest face as the service cuts it, uint8 RGB ``(112, 112, 3)``; None without a face.

    Raises OSError if the picture cannot be read.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    found = next(iter(detector.detect(image, AnalysisOptions().min_face_px, 1)), None)
    return warp(image, crop_similarity(found.landmarks, CROP), CROP.size) if found else None


def _moved(to_chip: Similarity, dice: np.random.Generator) -> Similarity:
    turn, zoom, x, y = dice.uniform(-1, 1, 4)
    factor = math.exp(zoom * _ZOOM) * np.exp(1j * math.radians(turn * _TURN))
    middle = complex(CROP.size, CROP.size) / 2
    shift = complex(x, y) * _SHIFT * CROP.size
    return Similarity(complex(to_chip.a * factor), complex((to_chip.b - middle) * factor + middle + shift))


def _chips(table: Path, split: str, view: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Batches of the chips of one view."""
    batch = []
    for number, row in rows(table, split):
        # What measures is not changed.
        is_changed = split == "train"
        chip = cut(row["image"], np.random.default_rng([_SEED, view, number]) if is_changed else None)
        batch.append(chip[:, ::-1] if is_changed and (number + view) % 2 else chip)
        if len(batch) == _BATCH:
            yield np.stack(batch)
            batch.clear()
    if batch:
        yield np.stack(batch)


class Alone(nn.Module):
    """A net that gives one output as the exporter takes it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.net(inputs),)


@torch.inference_mode()
def _write(file: Path, shape: tuple[int, ...], count: int, batches: Iterator[torch.Tensor]) -> None:
    """An array of ``count`` rows of this shape; until it is whole it has another name, and is not read."""
    part = file.with_suffix(".part")
    array = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=(count, *shape))
    at = 0
    for batch in tqdm(batches, total=math.ceil(count / _BATCH), desc=file.stem, mininterval=10):
        array[at : at + len(batch)] = batch.half().numpy()
        at += len(batch)
    array.flush()
    part.rename(file)
