"""Runs the served pipeline (decode, detect, align, attributes) on a labelled table, and scores the answers."""

import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from tqdm import tqdm

from cv.abstention import limit_of
from cv.engine.labels import Attribute
from cv.engine.pipeline import Engine
from cv.engine.readers.attributes import AttributeReader
from cv.engine.traits import measure_traits
from cv.engine.types import Quality
from training.data.chips import Change, find_largest_faces
from training.data.labels import Labels, Row, build_labels, count_unknown_labels
from training.data.served_faces import FaceCache
from training.data.tables import has_split, list_columns, rows
from training.measure.detection import score_detection
from training.measure.landmarks import score_points
from training.measure.portraits import score_portraits
from training.measure.report import report
from training.measure.traits import score_traits
from training.measure.verification import score_verification

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Predictions:
    """The net's answers for every readable row: logits ``(N, head_size)`` a head, the traits of the chips ``(N,
    len(TRAITS))``, and the quality of the face found."""

    logits: dict[Attribute, npt.NDArray[np.float32]]
    traits: npt.NDArray[np.float32]
    labels: Labels
    quality: list[Quality | None]
    unreadable: int
    unknown_labels: Mapping[str, Mapping[str, int]]

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """bool ``(N,)``"""
        return np.array([quality is not None for quality in self.quality])

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """The quality scores, float32 ``(N,)``, NaN if no face was found."""
        return np.array([np.nan if quality is None else quality.score for quality in self.quality], dtype=np.float32)


def evaluate(
    engine: Engine, table: Path, split: str | None = None, limit: int | None = None, cache: FaceCache | None = None
) -> dict[str, Any]:
    """Builds the object that ``python -m training.evaluate`` prints.

    Without a ``split``, ``val`` is taken if the table has one, else every row. Raises OSError or ValueError as
    ``predict`` does.
    """
    if split is None and has_split(table, "val"):
        split = "val"
    predictions = predict(engine, table, split, limit, cache=cache)
    reader = attribute_reader(engine)
    result = {
        "n": len(predictions.quality),
        "coverage": round(float(predictions.found.mean()), 4),
        "unreadable": predictions.unreadable,
        "unknown_labels": predictions.unknown_labels,
        **score(predictions, reader),
    }
    if "boxes" in list_columns(table):
        result["detection"] = score_detection(engine, rows(table, split, limit))
    if "mask" in list_columns(table):
        result["portrait_iou"] = score_portraits(engine, rows(table, split, limit))
    if "points" in list_columns(table):
        result |= score_points(engine, rows(table, split, limit))
    if "identity" in list_columns(table):
        result["verification"] = score_verification(engine, rows(table, split, limit))
    if "flags" in list_columns(table):
        scores = score_traits(engine, rows(table, split, limit))
        result |= {name: scores.pop(name) for name in list(scores) if name.startswith("traits_")}
        result["traits"] = scores
    return result | {"model": dataclasses.asdict(engine.model)}


def score(predictions: Predictions, reader: AttributeReader) -> dict[str, Any]:
    """Scores the answers as they are served, as ``report`` does."""
    said = predictions
    limits, least_quality = read_limits()
    return report(said.labels, said.logits, said.traits, said.scores, reader, limits, least_quality)


def attribute_reader(engine: Engine) -> AttributeReader:
    """The reader of the attribute model, which this package trains."""
    reader = engine.reader(Attribute.AGE)
    assert isinstance(reader, AttributeReader)
    return reader


def read_limits() -> tuple[Mapping[Attribute, float], float]:
    """The limits past which the service marks an answer as ``abstained``, and the quality below which it marks all."""
    _find_settings()
    return {attribute: limit_of(attribute) for attribute in Attribute}, settings.XCLOUD_ABSTAIN_QUALITY


def served_weights() -> Path:
    """The folder of the weights that the service serves."""
    _find_settings()
    weights_dir: Path = settings.XCLOUD_ENGINE.weights_dir
    return weights_dir


def _find_settings() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xcloud.settings")


def predict(
    engine: Engine,
    table: Path,
    split: str | None,
    limit: int | None = None,
    change: Change | None = None,
    step: int = 1,
    cache: FaceCache | None = None,
) -> Predictions:
    """Runs the served stages on one split of a table; an unreadable picture is named in the log and left out.

    If no face is found, the whole picture is described; of several faces, the largest. A ``change`` is applied to every
    picture first. ``limit`` and ``step`` are those of ``training.data.tables.rows``. With a ``cache``, which takes
    neither ``change`` nor ``step``, faces are found only once for all weights.

    Raises OSError or ValueError if the file is not a table with images, or has no readable row of the split.
    """
    reader = attribute_reader(engine)
    kept: list[Row] = []
    quality: list[Quality | None] = []
    chips: list[npt.NDArray[np.uint8]] = []
    scales: list[float] = []
    traits: list[npt.NDArray[np.float32]] = []
    logits: dict[Attribute, list[npt.NDArray[np.float32]]] = {Attribute(output.name): [] for output in reader.outputs}
    unreadable = 0

    def flush() -> None:
        if chips:
            for name, head in reader.logits(np.stack(chips)).items():
                logits[Attribute(name)].append(head)
            traits.append(measure_traits(np.stack(chips), scales))
            chips.clear()
            scales.clear()

    size = reader.crop.size
    faces = (
        find_largest_faces(engine.detector, table, rows(table, split, limit, step), size, change=change)
        if cache is None
        else cache.find_largest_faces(engine.detector, table, split, limit, size)
    )
    for row, face in tqdm(faces, desc=table.stem, unit="img", file=sys.stderr):
        if face is None:
            unreadable += 1
            continue
        chips.append(face.chip)
        scales.append(face.scale)
        # The net of the quality sees the same chip.
        judge = engine.judge.assess
        quality += judge([face.detection], face.chip[None], face.image_size) if face.detection else [None]
        kept.append(row)
        if len(chips) == _BATCH:
            flush()
    flush()
    if not kept:
        raise ValueError("no readable row")
    return Predictions(
        logits={attribute: np.concatenate(parts) for attribute, parts in logits.items()},
        traits=np.concatenate(traits),
        labels=build_labels(kept),
        quality=quality,
        unreadable=unreadable,
        unknown_labels=count_unknown_labels(kept),
    )
