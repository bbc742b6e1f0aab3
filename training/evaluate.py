"""Scores the served pipeline (decode, detect, align, attributes) on a labelled table and prints one JSON object.

``python -m training.evaluate --data FILE.parquet [--limit N] [--split SPLIT] --json``, or ``--data FOLDER`` with your
own pictures and a ``labels.csv`` (file, age, gender, race, expression, beauty; any of them). Where no face is found,
the whole picture is described; of several faces the largest counts.
"""

import argparse
import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cv.engine.config import EngineConfig
from cv.engine.labels import Attribute
from cv.engine.pipeline import Engine
from cv.engine.quality import assess
from cv.engine.runtime import get_engine
from cv.engine.types import Quality
from training.data.chips import Change, largest_faces
from training.data.labels import Labels, Row, labels_of
from training.data.tables import has_split, rows
from training.measure.report import report

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the net said of every readable row: logits ``(N, head_size)`` a head, and the quality of the face found."""

    logits: dict[Attribute, npt.NDArray[np.float32]]
    labels: Labels
    quality: list[Quality | None]
    unreadable: int

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """bool ``(N,)``"""
        return np.array([quality is not None for quality in self.quality])

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """The quality scores, float32 ``(N,)``, NaN where no face was found."""
        return np.array([np.nan if quality is None else quality.score for quality in self.quality], dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="table with a column image, or folder with a labels.csv"
    )
    parser.add_argument("--limit", type=int, help="only the first N rows")
    parser.add_argument("--split", help="rows of this split; default val where the table has one, else every row")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one line instead of an indented report")
    arguments = parser.parse_args()
    engine = get_engine(EngineConfig(threads=arguments.threads))
    try:
        result = evaluate(engine, arguments.data, arguments.split, arguments.limit)
    except (OSError, ValueError) as error:
        sys.exit(f"{arguments.data}: {error}")
    print(json.dumps(result, indent=None if arguments.json else 1))


def evaluate(engine: Engine, table: Path, split: str | None = None, limit: int | None = None) -> dict[str, Any]:
    """The printed object. Raises OSError or ValueError as ``predict`` does."""
    predictions = predict(engine, table, split, limit)
    return {
        "n": len(predictions.quality),
        "coverage": round(float(predictions.found.mean()), 4),
        "unreadable": predictions.unreadable,
        **report(predictions.labels, predictions.logits, predictions.scores, engine.describer),
        "model": dataclasses.asdict(engine.model),
    }


def predict(
    engine: Engine,
    table: Path,
    split: str | None,
    limit: int | None = None,
    change: Change | None = None,
    step: int = 1,
) -> Predictions:
    """Runs the served stages on a table; an unreadable picture is named in the log and left out.

    Every picture is changed first where a ``change`` is given; only each ``step``-th row is looked at.

    Raises OSError or ValueError where the file is not a table with images, or has no row of the split.
    """
    if split is None and has_split(table, "val"):
        split = "val"
    kept: list[Row] = []
    quality: list[Quality | None] = []
    chips: list[npt.NDArray[np.uint8]] = []
    logits: dict[Attribute, list[npt.NDArray[np.float32]]] = {attribute: [] for attribute in Attribute}
    unreadable = 0

    def flush() -> None:
        if chips:
            for attribute, head in engine.describer.logits(np.stack(chips)).items():
                logits[attribute].append(head)
            chips.clear()

    numbered = tqdm(rows(table, split, limit, step), desc=table.stem, unit="img", file=sys.stderr)
    for row, face in largest_faces(engine.detector, table, numbered, engine.card.chip_size, change=change):
        if face is None:
            unreadable += 1
            continue
        chips.append(face.chip)
        quality.append(assess(face.detection, face.chip, face.image_size) if face.detection else None)
        kept.append(row)
        if len(chips) == _BATCH:
            flush()
    flush()
    if not kept:
        raise ValueError("no readable row")
    return Predictions(
        logits={attribute: np.concatenate(parts) for attribute, parts in logits.items()},
        labels=labels_of(kept),
        quality=quality,
        unreadable=unreadable,
    )


if __name__ == "__main__":
    main()
