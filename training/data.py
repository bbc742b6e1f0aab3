"""The labelled tables as chips: cut once by the served detector and alignment, cached, then read from memory maps.

Chips are cached with a margin around them, so that an augmentation can turn and shift without running out of picture.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from tqdm import tqdm

from cv.engine.align import chip_similarity, warp, whole_picture_similarity
from cv.engine.config import DecodeLimits
from cv.engine.decode import decode
from cv.engine.detect import Detector
from cv.engine.errors import EngineError
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.types import AnalysisOptions, Detection

log = logging.getLogger(__name__)

CHIP_PX: Final = 150
MARGIN_PX: Final = 20
CACHED_PX: Final = CHIP_PX + 2 * MARGIN_PX
_CACHE_FORMAT = 2

_SAME_RACE = {"caucasian": "white", "hispanic": "others", "mideastern": "others"}
NO_CLASS: Final = -1

# Mean and spread over the training rows of MEBeauty's mean ratings and of OMI's ``attractive``.
_BEAUTY_MEAN, _BEAUTY_SPREAD = 6.12, 1.32
_ATTRACTIVE_MEAN, _ATTRACTIVE_SPREAD = 53.2, 12.5
_CLEAR_GENDER = 15

# Years around a label, and the usual spread of the ratings of one face (MEBeauty's mean ``ratings_std``).
_AGE_SIGMA = 2.0
_RATING_SPREAD = 1.8

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of N faces; a missing one is NO_CLASS, NaN or a row of zeros.

    classes: int64 ``(N,)`` each; values: float32 ``(N,)`` each, years or points of the scale; distributions: float32
    ``(N, bins)`` each, the value as a distribution that sums to 1.
    """

    classes: dict[Attribute, npt.NDArray[np.int64]]
    values: dict[Attribute, npt.NDArray[np.float32]]
    distributions: dict[Attribute, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Faces:
    """Cached chips with margin, uint8 RGB ``(N, 190, 190, 3)``, and their labels."""

    chips: npt.NDArray[np.uint8]
    labels: Labels

    def __len__(self) -> int:
        return len(self.chips)


def has_split(table: Path, split: str) -> bool:
    """Whether the table has a column ``split`` with rows of this split."""
    parquet = pq.ParquetFile(table)
    return "split" in parquet.schema_arrow.names and split in parquet.read(["split"])["split"].unique().to_pylist()


def rows(table: Path, split: str | None, limit: int | None = None) -> Iterator[tuple[int, Row]]:
    """Row numbers and rows of one split. Raises ValueError where the table has no column ``image``."""
    parquet = pq.ParquetFile(table)
    if "image" not in parquet.schema_arrow.names:
        raise ValueError(f"{table.name} has no column 'image'; it has {', '.join(parquet.schema_arrow.names)}")
    number = given = 0
    for batch in parquet.iter_batches(batch_size=256):
        for row in batch.to_pylist():
            number += 1
            if split is not None and row.get("split", split) != split:
                continue
            if limit is not None and given >= limit:
                return
            given += 1
            yield number, row


def with_known_labels(row: Row) -> Row:
    """The row in the terms that are served: One Million Impressions gives numbers from 0 to 100 instead of labels.

    Its ``attractive`` is put on MEBeauty's scale by mean and spread, its ``gender`` counts where it is clear, and its
    ``age`` is left out, since an impression is not a number of years.
    """
    if "attractive" not in row:
        return row
    known: Row = {"beauty": _BEAUTY_MEAN + (row["attractive"] - _ATTRACTIVE_MEAN) / _ATTRACTIVE_SPREAD * _BEAUTY_SPREAD}
    if abs(row["gender"] - 50) > _CLEAR_GENDER:
        known["gender"] = "male" if row["gender"] > 50 else "female"
    return known


def class_label(row: Row, attribute: Attribute) -> int:
    """The class index of a row, NO_CLASS where the row has none that is served."""
    label = _SAME_RACE.get(row.get(attribute, ""), row.get(attribute))
    return CLASSES[attribute].index(label) if label in CLASSES[attribute] else NO_CLASS


def age_distribution(years: float) -> npt.NDArray[np.float32]:
    """A discretised normal around the labelled age (label distribution learning, Gao et al. 2017)."""
    bins = BINS[Attribute.AGE]
    weights = np.exp(-((bins - np.clip(years, bins[0], bins[-1])) ** 2) / (2 * _AGE_SIGMA**2))
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def beauty_distribution(row: Row) -> npt.NDArray[np.float32]:
    """The share of raters a rating, mixed with a normal of the same mean so that few raters do not leave gaps."""
    bins = BINS[Attribute.BEAUTY]
    histogram = np.asarray(row.get("ratings_hist") or np.zeros(len(bins)), dtype=np.float32)
    normal = np.exp(-((bins - row["beauty"]) ** 2) / (2 * _RATING_SPREAD**2))
    normal /= normal.sum()
    raters = histogram.sum()
    return np.asarray((histogram / raters + normal) / 2 if raters else normal, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class LargestFace:
    """The chip of a picture's largest face, uint8 RGB ``(S, S, 3)``; of the whole picture where none is found."""

    chip: npt.NDArray[np.uint8]
    detection: Detection | None
    image_size: tuple[int, int]


def largest_face(detector: Detector, data: bytes, size: int, margin: int = 0) -> LargestFace:
    """Cuts a chip of ``size + 2·margin`` pixels as the served pipeline does. Raises EngineError."""
    options = AnalysisOptions()
    image = decode(data, DecodeLimits(), options.min_face_px).pixels
    detection = next(iter(detector.detect(image, options.min_face_px, max_faces=1)), None)
    to_chip = chip_similarity(detection.landmarks, size) if detection else whole_picture_similarity(image.size, size)
    return LargestFace(warp(image, to_chip.shifted(margin), size + 2 * margin), detection, image.size)


def load_faces(table: Path, split: str, detector: Detector, cache: Path) -> Faces:
    """The faces of one split of one table, from the cache where it is current."""
    digest = hashlib.sha256(f"{_CACHE_FORMAT} {table.stat().st_size} {CACHED_PX}".encode()).hexdigest()[:12]
    stem = cache / f"{table.stem}-{split}-{digest}"
    chips_file, labels_file = stem.with_suffix(".npy"), stem.with_suffix(".json")
    if not labels_file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _build(table, split, detector, chips_file, labels_file)
    return Faces(np.load(chips_file, mmap_mode="r"), labels_of(json.loads(labels_file.read_text())))


def _build(table: Path, split: str, detector: Detector, chips_file: Path, labels_file: Path) -> None:
    chips, labels = [], []
    for number, row in tqdm(rows(table, split), desc=f"chips of {table.stem} {split}", unit="img"):
        try:
            face = largest_face(detector, row.pop("image"), CHIP_PX, MARGIN_PX)
        except EngineError as error:
            log.warning("%s row %d left out: %s", table.name, number, error)
            continue
        chips.append(face.chip)
        labels.append(row)
    np.save(chips_file, np.stack(chips))
    part = labels_file.with_suffix(".part")
    part.write_text(json.dumps(labels, default=float))
    part.rename(labels_file)


def labels_of(table_rows: list[Row]) -> Labels:
    """The labels of rows with the columns of the tables; what a row does not have is missing."""
    known = [with_known_labels(row) for row in table_rows]
    values = {
        attribute: np.array([_number(row.get(attribute)) for row in known], dtype=np.float32) for attribute in BINS
    }
    distributions = {attribute: np.zeros((len(known), len(bins)), np.float32) for attribute, bins in BINS.items()}
    for i in np.flatnonzero(~np.isnan(values[Attribute.AGE])):
        distributions[Attribute.AGE][i] = age_distribution(float(values[Attribute.AGE][i]))
    for i in np.flatnonzero(~np.isnan(values[Attribute.BEAUTY])):
        distributions[Attribute.BEAUTY][i] = beauty_distribution(known[i])
    return Labels(
        classes={
            attribute: np.array([class_label(row, attribute) for row in known], dtype=np.int64) for attribute in CLASSES
        },
        values=values,
        distributions=distributions,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
