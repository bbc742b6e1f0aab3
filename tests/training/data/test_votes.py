"""Targets out of a label and ten votes."""

import numpy as np
import pytest

from cv.engine.labels import CLASSES, Attribute
from training.data.chips import Faces
from training.data.labels import NO_CLASS, Row, build_labels
from training.data.votes import blend_votes

LABELS = CLASSES[Attribute.EXPRESSION]


def targets(*rows: Row, share: float = 0.5) -> list[dict[str, float]]:
    """The target of each row by expression, without those that get nothing."""
    faces = Faces(np.zeros((len(rows), 2, 2, 3), dtype=np.uint8), build_labels(list(rows)))
    blended = blend_votes(faces, share).labels.distributions[Attribute.EXPRESSION]
    return [{LABELS[i]: float(row[i]) for i in np.flatnonzero(row)} for row in blended]


def test_half_of_a_target_is_the_label_and_half_the_votes_for_the_seven() -> None:
    # 4 for neutral, 1 for sadness, 3 for anger, 2 for contempt, which is not served.
    (target,) = targets({"expression": "anger", "votes": [4, 0, 0, 1, 3, 0, 0, 2, 0, 0]})

    assert target == pytest.approx({"anger": 0.5 + 3 / 16, "sadness": 1 / 16, "neutral": 4 / 16})


def test_all_of_a_target_can_come_from_the_votes() -> None:
    (target,) = targets({"expression": "anger", "votes": [0, 9, 1, 0, 0, 0, 0, 0, 0, 0]}, share=1)

    assert target == pytest.approx({"happiness": 0.9, "surprise": 0.1})


@pytest.mark.parametrize(
    "votes",
    [[4, 0, 0, 0, 0, 0, 0, 0, 1, 5], [2, 0, 0, 0, 0, 0, 0, 4, 4, 0]],
    ids=["not a face", "hardly a vote for the seven"],
)
def test_a_face_that_most_voters_take_for_none_has_no_target(votes: list[int]) -> None:
    assert targets({"expression": "anger", "votes": votes}) == [{}]


def test_faces_without_votes_keep_their_label_and_what_is_scored_stays_as_it_was() -> None:
    rows = [{"expression": "fear"}, {"gender": "male"}, {"expression": "fear", "votes": [10] + [0] * 9}]

    assert targets(*rows)[:2] == [{"fear": 1}, {}]
    faces = Faces(np.zeros((3, 2, 2, 3), dtype=np.uint8), build_labels(rows))
    scored = blend_votes(faces, 1).labels.classes[Attribute.EXPRESSION]
    assert scored.tolist() == [LABELS.index("fear"), NO_CLASS, LABELS.index("fear")]
