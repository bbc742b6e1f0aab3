"""The measures match values computed by hand."""

import numpy as np
import pytest

from cv.labelling.intervals import wilson_interval
from training.measure.metrics import (
    accuracy,
    balanced_accuracy,
    bootstrap_interval,
    chance_calibration_error,
    confusion,
    expected_calibration_error,
    mean_absolute_error,
    pearson,
)

PREDICTED, TRUE = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 0, 1])


def test_accuracy_counts_faces_and_balanced_accuracy_classes() -> None:
    assert accuracy(PREDICTED, TRUE) == pytest.approx(0.6)
    assert balanced_accuracy(PREDICTED, TRUE) == pytest.approx((0.5 + 1) / 2)


def test_confusion_has_the_truth_in_rows() -> None:
    assert confusion(PREDICTED, TRUE, 2).tolist() == [[2, 2], [0, 1]]


def test_errors_and_correlation() -> None:
    assert mean_absolute_error(np.array([1.0, 5]), np.array([2.0, 3])) == pytest.approx(1.5)
    assert pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])) == pytest.approx(1)
    assert np.isnan(pearson(np.array([1.0, 1]), np.array([1.0, 2])))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    """Ten answers at 0.9, six right: a gap of 0.3."""
    probabilities = np.tile([0.9, 0.1], (10, 1))
    true = np.array([0] * 6 + [1] * 4)

    assert expected_calibration_error(probabilities, true) == pytest.approx(0.3)


def test_wilson_interval_of_a_known_share() -> None:
    assert wilson_interval(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)


def test_bootstrap_interval_holds_the_measure_and_repeats_itself() -> None:
    true = np.random.default_rng(1).normal(size=200)
    predicted = true + np.random.default_rng(2).normal(size=200)

    low, high = bootstrap_interval(mean_absolute_error, predicted, true)

    assert low < mean_absolute_error(predicted, true) < high
    assert (low, high) == bootstrap_interval(mean_absolute_error, predicted, true)


def test_few_faces_look_less_calibrated_by_chance_than_many() -> None:
    even = np.full((50, 2), 0.5)

    few, many = chance_calibration_error(even), chance_calibration_error(np.tile(even, (100, 1)))

    # The mean distance of a share of n tosses from a half is about 0.4 / sqrt(n).
    assert few == pytest.approx(0.4 / 50**0.5, rel=0.15)
    assert many == pytest.approx(0.4 / 5000**0.5, rel=0.15)
    assert chance_calibration_error(np.array([[1.0, 0.0]] * 9)) == 0
