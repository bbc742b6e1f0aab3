"""Scores the served pipeline (decode, detect, align, attributes) on a labelled table and prints one JSON object.

``python -m training.evaluate --data FILE.parquet [--limit N] [--split SPLIT] --json``. Where no face is found,
the whole picture is described; of several faces the largest counts.
"""

import argparse
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cv.engine.attributes import estimate
from cv.engine.config import EngineConfig
from cv.engine.errors import EngineError
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from cv.engine.weights import Calibration
from training.data import NO_CLASS, Labels, Row, chip_of, has_split, labels_of, rows
from training.metrics import accuracy, balanced_accuracy, mean_absolute_error, pearson

log = logging.getLogger(__name__)

AGE_BANDS = ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 200))
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the net said of every readable row: logits ``(N, head_size)`` a head, ``found`` bool ``(N,)``."""

    logits: dict[Attribute, npt.NDArray[np.float32]]
    labels: Labels
    found: npt.NDArray[np.bool_]
    unreadable: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="Parquet table with the column image and labels")
    parser.add_argument("--limit", type=int, help="only the first N rows")
    parser.add_argument("--split", help="rows of this split; default val where the table has one, else every row")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one line instead of an indented report")
    arguments = parser.parse_args()
    engine = get_engine(EngineConfig(threads=arguments.threads))
    try:
        predictions = predict(engine, arguments.data, arguments.split, arguments.limit)
    except (OSError, ValueError) as error:
        sys.exit(f"{arguments.data}: {error}")
    print(json.dumps(report(engine, predictions), indent=None if arguments.json else 1))


def predict(engine: Engine, table: Path, split: str | None, limit: int | None) -> Predictions:
    """Runs the served stages on a table; an unreadable picture is named in the log and left out.

    Raises OSError or ValueError where the file is not a table with images, or has no row of the split.
    """
    if split is None and has_split(table, "val"):
        split = "val"
    kept: list[Row] = []
    found: list[bool] = []
    chips: list[npt.NDArray[np.uint8]] = []
    logits: dict[Attribute, list[npt.NDArray[np.float32]]] = {attribute: [] for attribute in Attribute}
    unreadable = 0

    def flush() -> None:
        if chips:
            for attribute, head in engine.describer.logits(np.stack(chips)).items():
                logits[attribute].append(head)
            chips.clear()

    for number, row in tqdm(rows(table, split, limit), desc=table.stem, unit="img", file=sys.stderr):
        try:
            chip, detected = chip_of(engine.detector, row.pop("image"), engine.card.chip_size, 0)
        except EngineError as error:
            log.warning("%s row %d left out: %s", table.name, number, error)
            unreadable += 1
            continue
        chips.append(chip)
        found.append(detected)
        kept.append(row)
        if len(chips) == _BATCH:
            flush()
    flush()
    if not kept:
        raise ValueError("no readable row")
    return Predictions(
        logits={attribute: np.concatenate(parts) for attribute, parts in logits.items()},
        labels=labels_of(kept),
        found=np.array(found),
        unreadable=unreadable,
    )


def report(engine: Engine, predictions: Predictions) -> dict[str, Any]:
    """All measures, overall and for every gender, race and age band that the table labels."""
    described = engine.describer.probabilities(predictions.logits)
    everyone = np.ones(len(predictions.found), dtype=bool)
    result: dict[str, Any] = {"n": len(everyone), "coverage": round(float(predictions.found.mean()), 4)}
    if predictions.unreadable:
        result["unreadable"] = predictions.unreadable
    calibration = engine.describer.calibration
    result |= _scores(described, predictions.labels, everyone, calibration)
    result["groups"] = {
        name: {group: {"n": int(members.sum())} | _scores(described, predictions.labels, members, calibration)
               for group, members in groups.items() if members.any()}
        for name, groups in _groups(predictions.labels).items()
    }  # fmt: skip
    result["model"] = {"name": engine.model.name, "version": engine.model.version, "sha256": engine.model.sha256}
    return result


def _scores(
    described: Mapping[Attribute, npt.NDArray[np.float32]],
    labels: Labels,
    members: npt.NDArray[np.bool_],
    calibration: Calibration,
) -> dict[str, float]:
    scores: dict[str, float] = {}
    for attribute, true in labels.classes.items():
        known = members & (true != NO_CLASS)
        if known.any():
            predicted = described[attribute][known].argmax(axis=1)
            scores[f"{attribute}_accuracy"] = accuracy(predicted, true[known])
            scores[f"{attribute}_balanced_accuracy"] = balanced_accuracy(predicted, true[known])
    for attribute, truth in labels.values.items():
        known = members & ~np.isnan(truth)
        if known.any():
            widening = calibration.widening.get(attribute, 0)
            values, low, high = estimate(described[attribute][known], BINS[attribute], calibration.coverage, widening)
            scores[f"{attribute}_mae"] = mean_absolute_error(values, truth[known])
            scores[f"{attribute}_interval_coverage"] = float(((truth[known] >= low) & (truth[known] <= high)).mean())
            if attribute is Attribute.BEAUTY and known.sum() > 1:
                scores[f"{attribute}_pearson"] = pearson(values, truth[known])
    return {name: round(value, 4) for name, value in scores.items() if not np.isnan(value)}


def _groups(labels: Labels) -> dict[str, dict[str, npt.NDArray[np.bool_]]]:
    ages = labels.values[Attribute.AGE]
    groups = {
        attribute.value: {label: labels.classes[attribute] == i for i, label in enumerate(CLASSES[attribute])}
        for attribute in (Attribute.GENDER, Attribute.RACE)
    }
    groups["age"] = {
        f"{low}-{high}" if high < 200 else f"{low}+": (ages >= low) & (ages < high + 1) for low, high in AGE_BANDS
    }
    return groups


if __name__ == "__main__":
    main()
