"""Damaged chips, and which of their answers count as right."""

import numpy as np
import pytest

from cv.engine.labels import Attribute
from training.data.damage import KINDS
from training.data.damaged import CROP, damage_chip, draw_amounts, find_right


def test_one_or_two_kinds_of_damage_are_drawn() -> None:
    drawn = [draw_amounts(np.random.default_rng(seed)) for seed in range(300)]

    counts = np.array([(amounts > 0).sum() for amounts in drawn])
    assert set(counts) == {1, 2}
    assert 0.2 < (counts == 2).mean() < 0.4
    assert (np.stack(drawn).max(axis=0) > 0.5).all()
    assert np.stack(drawn).max() <= 1


def test_a_chip_without_damage_is_only_displaced() -> None:
    ramp = np.repeat(np.linspace(0, 255, CROP.cached), CROP.cached * 3).astype(np.uint8)
    cached = ramp.reshape(CROP.cached, CROP.cached, 3)

    chip = damage_chip(cached, np.zeros(len(KINDS), np.float32), np.random.default_rng(1))

    assert chip.shape == (CROP.size, CROP.size, 3)
    inner = cached[CROP.margin : CROP.margin + CROP.size, CROP.margin : CROP.margin + CROP.size]
    assert np.abs(chip.astype(int) - inner).max() < 30


@pytest.mark.parametrize(
    ("attribute", "answer", "right"),
    [
        (Attribute.AGE, 34.9, True),
        (Attribute.AGE, 36.1, False),
        (Attribute.GENDER, 0, False),
        (Attribute.BEAUTY, 5.7, True),
        (Attribute.BEAUTY, 5.8, False),
    ],
)
def test_an_answer_is_right_near_the_label(attribute: Attribute, answer: float, right: bool) -> None:
    truth = dict.fromkeys(Attribute, np.ones(1, np.float32)) | {
        Attribute.AGE: np.array([30], np.float32),
        Attribute.BEAUTY: np.array([5], np.float32),
    }

    found = find_right(truth | {attribute: np.array([answer], np.float32)}, truth)

    assert found.tolist() == [[right if other is attribute else True for other in Attribute]]
