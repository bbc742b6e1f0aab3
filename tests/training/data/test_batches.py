"""The faces and the order of batches depend only on the seed and the epoch."""

import numpy as np
import pytest

from cv.engine.labels import Attribute
from training.data.batches import build_batch, count_steps, shuffle_faces
from training.data.chips import Faces
from training.data.labels import labels_of


@pytest.fixture
def sets() -> dict[str, Faces]:
    chips = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2).repeat(3, 3)
    genders = [{"gender": "female" if i % 2 else "male"} for i in range(5)]
    return {"a": Faces(chips[:3], labels_of(genders[:3])), "b": Faces(chips[3:], labels_of(genders[3:]))}


def test_an_epoch_has_every_face_as_often_as_its_set_is_repeated(sets: dict[str, Faces]) -> None:
    entries = shuffle_faces(sets, {"a": 1, "b": 2}, seed=7, epoch=0)

    assert sorted(entries) == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 0), ("b", 1), ("b", 1)]
    assert count_steps(sets, {"a": 1, "b": 2}, batch_size=3) == 2


def test_the_order_is_that_of_the_seed_and_the_epoch(sets: dict[str, Faces]) -> None:
    first, again, next_epoch = (shuffle_faces(sets, {"a": 1, "b": 1}, 20261122, epoch) for epoch in (0, 0, 1))

    assert first == again == [("b", 0), ("a", 0), ("b", 1), ("a", 2), ("a", 1)]
    assert next_epoch != first


def test_a_batch_has_the_chips_and_smoothed_targets_of_its_entries(sets: dict[str, Faces]) -> None:
    chips, targets = build_batch(sets, [("b", 1), ("a", 1)], (Attribute.GENDER, Attribute.AGE), label_smoothing=0.2)

    assert chips.shape == (2, 3, 4, 4)
    assert chips[:, 0, 0, 0].tolist() == [4, 1]
    assert targets[Attribute.GENDER][0].tolist() == pytest.approx([0.1, 0.9])
    assert targets[Attribute.GENDER][1].tolist() == pytest.approx([0.9, 0.1])
    assert targets[Attribute.AGE].abs().max() == 0
