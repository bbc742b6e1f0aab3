"""Cuts the labelled tables into chips with the served detector and alignment, once; then reads them from a cache.

Cached chips have a margin, so that an augmentation can rotate and shift them without reaching past the picture.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from cv.engine.align import TEMPLATE, Similarity, chip_similarity, warp, whole_picture_similarity
from cv.engine.config import DecodeLimits, EngineConfig
from cv.engine.decode import decode
from cv.engine.detect import Detector
from cv.engine.errors import EngineError
from cv.engine.manifest import read_manifest
from cv.engine.runtime import load_detector
from cv.engine.types import MIN_FACE_PX_RANGE, AnalysisOptions, Box, Detection
from training.data.labels import Labels, Row, build_labels, describe_unknown_labels
from training.data.tables import rows

log = logging.getLogger(__name__)

Change = Callable[[Image.Image], Image.Image]

_CACHE_FORMAT: Final = 4
# The intersection over union with a row's box, below which a face is another one.
_SAME_FACE: Final = 0.5
_BOX_COLUMNS: Final = ("face_x0", "face_y0", "face_x1", "face_y1")


@dataclass(frozen=True, slots=True)
class Crop:
    """A square chip of ``size`` pixels, by default as served, cached with ``margin`` more on every side."""

    size: int = 150
    margin: int = 20

    @property
    def cached(self) -> int:
        """The side of a cached chip in pixels."""
        return self.size + 2 * self.margin


@dataclass(frozen=True, slots=True)
class Faces:
    """Cached chips with margin, uint8 RGB ``(N, cached, cached, 3)``, and their labels."""

    chips: npt.NDArray[np.uint8]
    labels: Labels

    def __len__(self) -> int:
        return len(self.chips)


@dataclass(frozen=True, slots=True)
class LargestFace:
    """The chip of a picture's largest face, uint8 RGB ``(S, S, 3)``; of the whole picture if no face is found."""

    chip: npt.NDArray[np.uint8]
    detection: Detection | None
    image_size: tuple[int, int]

    @property
    def scale(self) -> float:
        """The picture's pixels for each of the chip's, if it has no margin."""
        return _to_chip(self.detection, self.image_size, len(self.chip)).inverse().scale


def find_largest_face(
    detector: Detector,
    data: bytes,
    size: int,
    margin: int = 0,
    change: Change | None = None,
    box: Box | None = None,
) -> LargestFace:
    """Cuts a chip of ``size + 2·margin`` pixels as the served pipeline does, from the upright picture after ``change``.

    With a ``box``, the face is the one found there, and none if none is. Raises EngineError.
    """
    options = AnalysisOptions()
    decoded = decode(data, DecodeLimits(), options.min_face_px)
    image = decoded.pixels
    if change:
        image = change(image)
    if box is None:
        detection = next(iter(detector.detect(image, options.min_face_px, max_faces=1)), None)
    else:
        # The picture may have been decoded at a fraction of its size, or changed in size.
        scale = decoded.scale * image.size[0] / decoded.pixels.size[0]
        box = Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
        smallest = min(options.min_face_px, max(MIN_FACE_PX_RANGE[0], int(min(box.width, box.height) / 2)))
        detection = _at(box, detector.detect(image, smallest, options.max_faces))
    to_chip = _to_chip(detection, image.size, size)
    return LargestFace(warp(image, to_chip.shifted(margin), size + 2 * margin), detection, image.size)


def _at(box: Box, detections: Iterable[Detection]) -> Detection | None:
    best = max(detections, key=lambda found: found.box.overlap(box), default=None)
    return best if best is not None and best.box.overlap(box) >= _SAME_FACE else None


def box_of(row: Row) -> Box | None:
    """The box of the labelled face, by the columns ``face_x0`` to ``face_y1``, if the row has them."""
    edges = [row.get(name) for name in _BOX_COLUMNS]
    if any(edge is None for edge in edges):
        return None
    left, top, right, bottom = (float(edge) for edge in edges if edge is not None)
    return Box(left, top, right - left, bottom - top)


def _to_chip(detection: Detection | None, image_size: tuple[int, int], size: int) -> Similarity:
    return chip_similarity(detection.landmarks, size) if detection else whole_picture_similarity(image_size, size)


def find_largest_faces(
    detector: Detector,
    table: Path,
    numbered: Iterable[tuple[int, Row]],
    size: int,
    margin: int = 0,
    change: Change | None = None,
) -> Iterator[tuple[Row, LargestFace | None]]:
    """Gives each numbered row of ``table`` without its picture, and the largest face of that picture, or the one in the
    row's box.

    If a picture is missing or cannot be read, its face is None. The log names these pictures and unknown labels.
    """
    for number, row in numbered:
        try:
            face = find_largest_face(detector, row.pop("image") or b"", size, margin, change, box_of(row))
        except EngineError as error:
            log.warning("%s row %d left out: %s", table.name, number, error)
            yield row, None
            continue
        for message in describe_unknown_labels(row):
            log.warning("%s row %d: %s", table.name, number, message)
        yield row, face


def load_faces(table: Path, split: str, config: EngineConfig, cache: Path, crop: Crop) -> Faces:
    """Reads the faces of one split, from the cache if it is current. Raises OSError if the table cannot be read."""
    stem = cache / f"{table.stem}-{split}-{digest_sources(table, config, crop)}"
    chips_file, labels_file = stem.with_suffix(".npy"), stem.with_suffix(".json")
    if not labels_file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _build(table, split, load_detector(config), crop, chips_file, labels_file)
    return Faces(np.load(chips_file, mmap_mode="r"), build_labels(json.loads(labels_file.read_text())))


def digest_sources(table: Path, config: EngineConfig, crop: Crop) -> str:
    """A digest of what determines the chips and labels: the table, the detector and the alignment."""
    with table.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    cascade = [net.onnx.sha256 for net in read_manifest(config.weights_dir).detector.values()]
    parts = (_CACHE_FORMAT, crop, TEMPLATE.tobytes(), cascade, config.thresholds, content)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _build(table: Path, split: str, detector: Detector, crop: Crop, chips_file: Path, labels_file: Path) -> None:
    chips, labels = [], []
    numbered = tqdm(rows(table, split), desc=f"chips of {table.stem} {split}", unit="img")
    for row, face in find_largest_faces(detector, table, numbered, crop.size, crop.margin):
        if face:
            chips.append(face.chip)
            labels.append(row)
    if not chips:
        raise SystemExit(f"{table.name} has no readable row of split {split!r}")
    np.save(chips_file, np.stack(chips))
    part = labels_file.with_suffix(".part")
    part.write_text(json.dumps(labels, default=float))
    part.rename(labels_file)
