"""Calibration corrects confidence, rare classes and interval widths."""

import numpy as np
import pytest

from cv.engine.readers.attributes import estimate, softmax
from training.measure.metrics import balanced_accuracy
from training.publish.calibrate import COVERAGE, fit_bias, fit_temperature, fit_widening


def test_the_temperature_of_overconfident_answers_is_recovered() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (4000, 3)).astype(np.float32)
    true = np.array([random.choice(3, p=p / p.sum()) for p in softmax(logits).astype(float)])

    assert fit_temperature(2 * logits, true) == pytest.approx(2, rel=0.08)


def test_bias_raises_a_rare_class_that_is_hardly_ever_answered() -> None:
    random = np.random.default_rng(0)
    true = (random.random(5000) < 0.05).astype(np.int64)
    logits = np.stack([np.full(5000, 3.0), true * 2.0 + random.normal(0.6, 1, 5000)], axis=1).astype(np.float32)

    bias = fit_bias(true, 2, 0.5)

    assert bias[1] > 0 > bias[0]
    assert float(bias.sum()) == pytest.approx(0, abs=1e-5)
    before, after = (balanced_accuracy(answers.argmax(axis=1), true) for answers in (logits, logits + bias))
    assert after > before


def test_widened_intervals_hold_the_stated_share_of_other_faces() -> None:
    random = np.random.default_rng(0)
    bins = np.arange(101, dtype=np.float32)
    centres = random.uniform(20, 80, 4000)
    # Stated with a spread of 2 years, and off by 6.
    probabilities = softmax((-((bins - centres[:, None]) ** 2) / 8).astype(np.float32))
    true = (centres + random.normal(0, 6, 4000)).astype(np.float32)

    widening = fit_widening(probabilities[::2], true[::2], bins)

    _, low, high = estimate(probabilities[1::2], bins, COVERAGE, widening)
    assert ((true[1::2] >= low) & (true[1::2] <= high)).mean() == pytest.approx(COVERAGE, abs=0.02)
    assert widening > 3
