"""The faces and the order of batches depend only on the seed and the epoch."""

from collections import Counter

import numpy as np
import pytest

from cv.engine.labels import Attribute
from training.data.batches import build_batch, count_steps, shuffle_faces, weigh_faces
from training.data.chips import Faces
from training.data.labels import build_labels

GENDER = (Attribute.GENDER,)


@pytest.fixture
def sets() -> dict[str, Faces]:
    chips = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2).repeat(3, 3)
    genders = [{"gender": "female" if i % 2 else "male"} for i in range(5)]
    return {"a": Faces(chips[:3], build_labels(genders[:3])), "b": Faces(chips[3:], build_labels(genders[3:]))}


def test_an_epoch_has_every_face_as_often_as_its_set_is_repeated(sets: dict[str, Faces]) -> None:
    entries = shuffle_faces(sets, {"a": 1, "b": 2}, GENDER, {}, seed=7, epoch=0)

    assert sorted(entries) == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 0), ("b", 1), ("b", 1)]
    assert count_steps(sets, {"a": 1, "b": 2}, GENDER, batch_size=3) == 2


def test_half_a_repeat_draws_half_of_the_faces_anew_in_each_epoch() -> None:
    sets = {"a": faces_of(*["male"] * 9)}

    first, second = (shuffle_faces(sets, {"a": 1.5}, GENDER, {}, seed=1, epoch=epoch) for epoch in (0, 1))
    often = [[name for name, n in Counter(entries).items() if n == 2] for entries in (first, second)]

    assert [len(set(entries)) for entries in (first, second)] == [9, 9]
    assert [len(twice) for twice in often] == [4, 4]
    assert set(often[0]) != set(often[1])
    assert count_steps(sets, {"a": 1.5}, GENDER, batch_size=13) == 1


def test_the_order_is_that_of_the_seed_and_the_epoch(sets: dict[str, Faces]) -> None:
    first, again, next_epoch = (
        shuffle_faces(sets, {"a": 1, "b": 1}, GENDER, {}, 20261122, epoch) for epoch in (0, 0, 1)
    )

    assert first == again == [("b", 0), ("a", 0), ("b", 1), ("a", 2), ("a", 1)]
    assert next_epoch != first


def test_a_batch_has_the_chips_and_smoothed_targets_of_its_entries(sets: dict[str, Faces]) -> None:
    chips, targets = build_batch(sets, [("b", 1), ("a", 1)], (Attribute.GENDER, Attribute.AGE), label_smoothing=0.2)

    assert chips.shape == (2, 3, 4, 4)
    assert chips[:, 0, 0, 0].tolist() == [4, 1]
    assert targets[Attribute.GENDER][0].tolist() == pytest.approx([0.1, 0.9])
    assert targets[Attribute.GENDER][1].tolist() == pytest.approx([0.9, 0.1])
    assert targets[Attribute.AGE].abs().max() == 0


def faces_of(*genders: str | None) -> Faces:
    chips = np.zeros((len(genders), 4, 4, 3), dtype=np.uint8)
    return Faces(chips, build_labels([{"gender": gender} if gender else {"age": 3} for gender in genders]))


def test_a_face_without_a_target_for_the_outputs_is_not_drawn() -> None:
    sets = {"a": faces_of("male", None, "female")}

    assert sorted(shuffle_faces(sets, {"a": 2}, GENDER, {}, seed=1, epoch=0)) == [
        ("a", 0),
        ("a", 0),
        ("a", 2),
        ("a", 2),
    ]
    assert count_steps(sets, {"a": 2}, GENDER, batch_size=2) == 2
    balanced = shuffle_faces(sets, {"a": 50}, GENDER, {Attribute.GENDER: 0.3}, seed=1, epoch=0)
    assert len(balanced) == 100
    assert ("a", 1) not in balanced


def test_faces_are_weighed_by_the_size_of_their_class_to_the_power() -> None:
    faces = faces_of("male", "male", "male", "male", "female", None)

    assert weigh_faces(faces, GENDER, {Attribute.GENDER: 0.5}).tolist() == pytest.approx([0.5] * 4 + [1, 0])
    # Those without the label are a class of their own.
    outputs = (Attribute.GENDER, Attribute.AGE)
    assert weigh_faces(faces, outputs, {Attribute.GENDER: 1}).tolist() == pytest.approx([0.25] * 4 + [1, 1])


def test_a_power_of_one_draws_every_class_as_often() -> None:
    sets = {"a": faces_of(*["male"] * 900, *["female"] * 100)}

    entries = shuffle_faces(sets, {"a": 4}, GENDER, {Attribute.GENDER: 1.0}, seed=1, epoch=0)

    assert len(entries) == 4000
    assert sum(i >= 900 for _, i in entries) / 4000 == pytest.approx(0.5, abs=0.03)
    assert entries == shuffle_faces(sets, {"a": 4}, GENDER, {Attribute.GENDER: 1.0}, seed=1, epoch=0)


def test_sets_without_any_target_give_no_batch() -> None:
    sets = {"a": faces_of(None, None)}

    assert shuffle_faces(sets, {"a": 1}, GENDER, {Attribute.GENDER: 0.3}, seed=1, epoch=0) == []
    assert count_steps(sets, {"a": 1}, GENDER, batch_size=1) == 0
