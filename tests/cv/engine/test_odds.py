"""Thresholds by false match rate, also for many enrolled people, and probabilities at a prior."""

import pytest

from cv.engine.config import WEIGHTS_DIR
from cv.engine.manifest import read_manifest
from cv.engine.odds import FALSE_MATCH_RATES, Odds, read_odds

ODDS = Odds({1e-3: 0.4, 1e-4: 0.45, 1e-5: 0.52}, (-4.0, 0.0, 40.0))


def test_a_measured_rate_has_its_measured_threshold() -> None:
    assert [ODDS.threshold(rate) for rate in (1e-3, 1e-4, 1e-5)] == pytest.approx([0.4, 0.45, 0.52])


def test_other_rates_lie_on_the_line_through_the_nearest_two() -> None:
    assert ODDS.threshold(10**-3.5) == pytest.approx(0.425)
    assert ODDS.threshold(1e-2) == pytest.approx(0.35)
    assert ODDS.threshold(1e-7) == pytest.approx(0.52 + 2 * 0.07)
    assert ODDS.threshold(1e-30) == 0.95


def test_each_of_many_enrolled_people_may_match_falsely_with_a_share_of_the_rate() -> None:
    assert ODDS.threshold(1e-3, people=100) == pytest.approx(ODDS.threshold(1e-5))
    assert ODDS.threshold(1e-3, people=0) == ODDS.threshold(1e-3, people=1)


def test_a_probability_follows_from_the_curve_and_the_prior() -> None:
    assert ODDS.probability(0.1**0.5) == pytest.approx(0.5)
    assert ODDS.probability(0.1**0.5, prior=0.01) == pytest.approx(0.01)
    assert ODDS.probability(0.6, prior=1e-6) == pytest.approx(0.03182, abs=1e-5)


def test_a_curve_that_bends_down_stays_at_its_highest_point() -> None:
    odds = Odds({1e-3: 0.4, 1e-4: 0.5}, (-10.0, 40.0, -25.0))
    assert odds.probability(0.7) < odds.probability(0.8) == odds.probability(1)


def test_a_lower_cosine_is_never_more_probable() -> None:
    odds = Odds({1e-3: 0.4, 1e-4: 0.5}, (-4.0, -4.0, 40.0))
    steps = [odds.probability(cosine / 100) for cosine in range(-100, 101)]
    assert steps == sorted(steps)
    assert steps[0] == steps[105]
    assert 0 < steps[0] < 0.02
    # No more certain than what was measured.
    assert steps[-1] == pytest.approx(1 - 1e-6, abs=1e-8)


def test_the_published_odds_are_the_stricter_of_what_was_measured() -> None:
    odds = next(model.odds for model in read_manifest(WEIGHTS_DIR).models if model.odds)
    assert tuple(odds.thresholds) == FALSE_MATCH_RATES
    for rate, grey, celebrities in ((1e-3, 0.334, 0.384), (1e-4, 0.394, 0.443), (1e-5, 0.451, 0.497)):
        assert odds.thresholds[rate] == max(grey, celebrities)
    assert odds.probability(odds.thresholds[1e-3]) > 0.9


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"thresholds": [], "curve": [1, 2, 3]},
        {"thresholds": {"1e-3": 0.4}, "curve": [1, 2, 3]},
        {"thresholds": {"1e-3": 0.5, "1e-4": 0.4}, "curve": [1, 2, 3]},
        {"thresholds": {"2": 0.4, "1e-4": 0.5}, "curve": [1, 2, 3]},
        {"thresholds": {"1e-3": 0.4, "1e-4": 0.5}, "curve": [1, 2]},
        {"thresholds": {"1e-3": 0.4, "1e-4": 0.5}, "curve": [1, -2, 0]},
        {"thresholds": {"1e-3": 0.4, "1e-4": 0.5}, "curve": [float("nan"), 1, 1]},
    ],
)
def test_odds_that_make_no_sense_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"thresholds|curve"):
        read_odds(value)
