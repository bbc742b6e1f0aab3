"""The error of points, and which rows count as failures."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from cv.engine.errors import UndecodableImage
from cv.engine.pipeline import Engine
from cv.engine.types import Box, Points
from training.measure.landmarks import point_error, score_points

SQUARE = np.zeros((68, 2))
SQUARE[45] = (100, 0)


def moved(x: float, y: float) -> np.ndarray:
    return SQUARE + np.array([x, y])


def face(points: np.ndarray, box: Box) -> Any:
    return SimpleNamespace(box=box, attributes={"points": Points(tuple(map(tuple, points)), "ibug68")})


class Answering:
    """An engine that gives these faces for each picture in turn; None is a picture that it cannot read."""

    def __init__(self, *answers: list[Any] | None) -> None:
        self.answers = list(answers)

    def analyze(self, data: bytes, options: Any) -> Any:
        answer = self.answers.pop(0)
        if answer is None:
            raise UndecodableImage("broken")
        return SimpleNamespace(faces=answer)


def score(*answers: list[Any] | None) -> dict[str, float | None]:
    rows = [(number, {"image": b"", "points": SQUARE.ravel().tolist()}) for number in range(len(answers))]
    return score_points(cast(Engine, Answering(*answers)), cast(Any, rows))


AROUND = Box(-50, -50, 100, 100)


def test_the_error_is_a_share_of_the_distance_between_the_outer_corners_of_the_eyes() -> None:
    assert point_error(moved(3, 4), SQUARE) == pytest.approx(5)


def test_errors_are_of_faces_found_and_a_row_without_a_face_failed() -> None:
    near, far = face(moved(3, 4), AROUND), face(moved(0, 9), AROUND)

    assert score([near], [far], [], [near]) == {"points_nme": 6.333, "points_failures": 0.5}


def test_an_unreadable_row_is_left_out() -> None:
    assert score([face(SQUARE, AROUND)], None) == {"points_nme": 0.0, "points_failures": 0.0}
    with pytest.raises(ValueError, match="no readable row has points"):
        score(None)


def test_without_any_face_there_is_no_error() -> None:
    assert score([], []) == {"points_nme": None, "points_failures": 1.0}


def test_the_face_that_the_points_lie_in_counts_not_a_larger_one_beside_it() -> None:
    larger = face(moved(500, 0), Box(200, 200, 400, 400))

    assert score([larger, face(SQUARE, AROUND)]) == {"points_nme": 0.0, "points_failures": 0.0}
