"""Scores the 68 points of faces against labelled ones."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cv.engine.errors import EngineError
from cv.engine.outputs import POINTS
from cv.engine.pipeline import Engine
from cv.engine.types import AnalysisOptions, FaceResult, Points
from training.data.labels import Row

Array = npt.NDArray[np.float64]

# The outer corners of the eyes in the order of iBUG's 68 points.
CORNERS: Final = (36, 45)
# From this error on, in percent of the distance between the corners, the points count as not found.
FAILED: Final = 8.0


def score_points(engine: Engine, numbered: Iterable[tuple[int, Row]]) -> dict[str, float | None]:
    """Scores rows with ``image`` and ``points``, 68 × (x, y) in pixels of the picture, by the face that the points lie
    in, or the largest.

    ``points_nme`` is the mean distance between the answered and the labelled points, in percent of the distance between
    the labelled outer corners of the eyes, over the faces found; None if none is. ``points_failures`` is the share of
    rows with an error of more than 8 %, or without a face. Unreadable rows are left out. Raises ValueError if no row is
    readable.
    """
    asked = AnalysisOptions(attributes=frozenset({POINTS.name}), min_face_px=20)
    errors: list[float] = []
    for _, row in tqdm(numbered, desc="points", unit="img"):
        labelled = np.array(row["points"], np.float64).reshape(-1, 2)
        try:
            faces = engine.analyze(row["image"] or b"", asked).faces
        except EngineError:
            continue
        errors.append(point_error(_points_of(faces, labelled), labelled) if faces else float("inf"))
    if not errors:
        raise ValueError("no readable row has points")
    every = np.array(errors)
    found = every[np.isfinite(every)]
    return {
        "points_nme": round(float(found.mean()), 3) if len(found) else None,
        "points_failures": round(float((every > FAILED).mean()), 4),
    }


def point_error(points: Array, labelled: Array) -> float:
    """The mean distance of points ``(68, 2)``, in percent of that between the labelled outer corners of the eyes."""
    left, right = CORNERS
    apart = np.linalg.norm(labelled[left] - labelled[right])
    return float(np.linalg.norm(points - labelled, axis=1).mean() / apart * 100)


def _points_of(faces: Sequence[FaceResult], labelled: Array) -> Array:
    x, y = labelled.mean(axis=0)
    around = [
        face for face in faces if 0 <= x - face.box.x <= face.box.width and 0 <= y - face.box.y <= face.box.height
    ]
    answer = max(around or faces, key=lambda face: face.box.area).attributes[POINTS.name]
    assert isinstance(answer, Points)
    return np.array(answer.points)
