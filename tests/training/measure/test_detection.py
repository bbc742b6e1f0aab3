"""Detection measures match values computed by hand."""

from typing import Any

import numpy as np
import pytest

from cv.engine.config import EngineConfig
from cv.engine.runtime import get_engine
from training.measure.detection import average_precision, intersect_over_union, match_greedily, score_detection

# Eileen Collins's face in the 512 × 512 portrait, as the cascade's box has it within a few pixels.
FACE = [173.0, 69.0, 268.0, 194.0]


def test_overlap_is_the_shared_area_of_the_joint_one() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], dtype=np.float64)
    others = np.array([[5, 0, 15, 10], [0, 0, 10, 10]], dtype=np.float64)

    np.testing.assert_allclose(intersect_over_union(boxes, others), [[1 / 3, 1], [0, 0]])
    assert intersect_over_union(boxes, np.empty((0, 4))).shape == (2, 0)


def test_a_face_is_found_once_and_by_the_most_confident_answer() -> None:
    overlaps = np.array([[0.6, 0.0], [0.9, 0.55], [0.4, 0.0]])

    assert match_greedily(overlaps, [0.9, 0.8, 0.99]) == [True, True, False]
    assert match_greedily(overlaps, [0.8, 0.9, 0.99]) == [False, True, False]
    assert match_greedily(np.empty((1, 0)), [0.9]) == [False]


def test_average_precision_is_the_area_under_the_falling_curve() -> None:
    # By confidence: right, wrong, right; of three faces two are found, with precision 1 and 2/3.
    assert average_precision([True, True, False], [0.9, 0.7, 0.8], faces=3) == pytest.approx((1 + 2 / 3) / 3)
    assert average_precision([], [], faces=3) == 0


def test_the_served_boxes_are_scored(astronaut: bytes, empty_scene: bytes) -> None:
    rows: list[dict[str, Any]] = [
        {"image": astronaut, "boxes": FACE},
        {"image": empty_scene, "boxes": [0.0, 0.0, 40.0, 40.0]},
        {"image": b"broken", "boxes": [0.0, 0.0, 10.0, 10.0]},
    ]

    result = score_detection(get_engine(EngineConfig()), enumerate(rows, start=1))

    assert result["faces"] == 2
    assert result["recall"] == 0.5
    assert result["answers"] >= 1
    assert result["precision"] == pytest.approx(1 / result["answers"], abs=1e-4)
    assert result["ap"] == pytest.approx(0.5)
    assert result["false_faces"] == pytest.approx(1 - 1 / result["answers"], abs=1e-4)


def test_a_table_without_a_labelled_face_is_refused(empty_scene: bytes) -> None:
    with pytest.raises(ValueError, match="no readable row has a labelled box"):
        score_detection(get_engine(EngineConfig()), [(1, {"image": empty_scene, "boxes": []})])
