"""What the quality net is taught, and how its outputs become a score and warnings."""

import numpy as np
import pytest

from cv.engine.types import QualityWarning
from training.data.damage import KINDS
from training.data.damaged import Damaged
from training.quality import CAUSES, FALSE_WARNINGS, UNCLEAR, find_targets, fit


def damaged(*amounts: dict[str, float], right: bool = True) -> Damaged:
    rows = [[each.get(kind, 0) for kind in KINDS] for each in amounts]
    count = len(rows)
    return Damaged(np.zeros((count, 1, 1, 3), np.uint8), np.full((count, 5), right), np.array(rows, np.float32))


def test_every_cause_is_a_kind_of_damage() -> None:
    named = {kind for causes in CAUSES.values() for kind in causes} | {k for kinds in UNCLEAR.values() for k in kinds}

    assert named <= set(KINDS)
    assert UNCLEAR.keys() == CAUSES.keys()


def test_a_warning_applies_from_an_amount_on_and_teaches_nothing_below_it() -> None:
    faint, unclear, clear = {"luma noise": 0.05}, {"luma noise": 0.1}, {"luma noise": 0.5}
    column = 1 + list(CAUSES).index(QualityWarning.NOISY)

    targets, known = find_targets(damaged({}, faint, unclear, clear))

    assert targets[:, column].tolist() == [0, 0, 0, 1]
    assert known[:, column].tolist() == [True, True, False, True]


def test_a_second_damage_does_not_take_back_a_warning_that_applies() -> None:
    column = 1 + list(CAUSES).index(QualityWarning.BLURRED)

    targets, known = find_targets(damaged({"blur": 0.9, "tiny": 0.9}, {"tiny": 0.9}))

    assert targets[:, column].tolist() == [1, 0]
    assert known[:, column].tolist() == [True, False]


def test_the_score_is_the_share_of_chips_whose_answers_are_all_right() -> None:
    dice = np.random.default_rng(1)
    right = dice.random(4000) < 0.8
    made = Damaged(
        np.zeros((4000, 1, 1, 3), np.uint8), np.repeat(right[:, None], 5, axis=1), np.zeros((4000, len(KINDS)))
    )
    logits = np.tile(np.where(right, 3.0, -3.0)[:, None] * np.where(dice.random(4000) < 0.9, 1, -1)[:, None], 7)

    fitted = fit(logits, made)

    likely = 1 / (1 + np.exp(-(fitted.bias + fitted.slope * 3)))
    assert likely == pytest.approx(right[logits[:, 0] > 0].mean(), abs=0.01)


def test_the_threshold_of_a_warning_spares_almost_all_chips_without_its_cause() -> None:
    dice = np.random.default_rng(1)
    made = damaged(*[{} for _ in range(2000)])
    made.right[::2] = False
    logits = dice.normal(0, 1, (2000, 7))

    fitted = fit(logits, made)

    for at, threshold in enumerate(fitted.thresholds.values(), start=1):
        assert (logits[:, at] >= threshold).mean() == pytest.approx(FALSE_WARNINGS, abs=0.002)
