"""Calibration corrects confidence, rare classes and interval widths."""

import numpy as np
import pytest

from cv.engine.labels import BINS, CLASSES, Attribute, head_size
from cv.engine.readers.attributes import estimate, softmax
from training.data.labels import build_labels
from training.measure.evaluation import Predictions
from training.measure.metrics import balanced_accuracy
from training.publish.calibrate import (
    COVERAGE,
    TABLES,
    calibrate,
    calibrate_all,
    fit_bias,
    fit_temperature,
    fit_widening,
    weigh_tables,
)


def test_the_temperature_of_overconfident_answers_is_recovered() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (4000, 3)).astype(np.float32)
    true = np.array([random.choice(3, p=p / p.sum()) for p in softmax(logits).astype(float)])

    assert fit_temperature(2 * logits, true, np.ones(4000)) == pytest.approx(2, rel=0.08)


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

    widening = fit_widening(probabilities[::2], true[::2], bins, np.ones(2000))

    _, low, high = estimate(probabilities[1::2], bins, COVERAGE, widening)
    assert ((true[1::2] >= low) & (true[1::2] <= high)).mean() == pytest.approx(COVERAGE, abs=0.02)
    assert widening > 3


def said(logits: list[float], true: list[int], repeats: int) -> Predictions:
    """The same logits for a set of faces whose genders are ``true``; every other answer is even."""
    labels = build_labels([{"gender": CLASSES[Attribute.GENDER][i], "age": 30 + 20 * i} for i in true * repeats])
    n = len(true) * repeats
    heads = {attribute: np.zeros((n, head_size(attribute)), dtype=np.float32) for attribute in Attribute}
    heads[Attribute.GENDER] = np.tile(np.asarray(logits, dtype=np.float32), (n, 1))
    return Predictions(heads, labels, [None] * n, 0, {})


def test_each_set_counts_as_much_as_the_others_however_many_faces_it_has() -> None:
    # As sure of both sets, right in all of the large one and in 75 % of the small one: 87.5 % on the mean.
    large, small = said([0, 2], [1], 300), said([0, 2], [1, 1, 1, 0], 25)

    fitted, checked = calibrate(Attribute.GENDER, {"large": large, "small": small})

    assert fitted["temperature"] == pytest.approx(2 / np.log(7), abs=1e-3)
    assert checked["large"]["ece"] == pytest.approx(0.125, abs=0.01)
    assert checked["small"]["ece"] == pytest.approx(0.125, abs=0.01)
    assert (checked["large"]["accuracy"], checked["small"]["accuracy"]) == pytest.approx((1, 0.75))


def test_the_weights_of_each_set_sum_to_one() -> None:
    assert weigh_tables(np.array([0, 0, 0, 0, 1, 1])).tolist() == [0.25] * 4 + [0.5] * 2


def test_a_widening_holds_the_stated_share_of_the_weight() -> None:
    bins = BINS[Attribute.BEAUTY]
    probabilities = np.zeros((200, 10), dtype=np.float32)
    probabilities[:, 4] = 1  # always 5
    true = np.repeat([5.0, 9.0], 100).astype(np.float32)

    near = fit_widening(probabilities, true, bins, np.repeat([1.0, 0.1], 100))
    far = fit_widening(probabilities, true, bins, np.ones(200))

    assert near < 0 < far == pytest.approx(4 - 0.425, abs=0.01)


def test_every_attribute_is_calibrated_and_checked_on_each_of_its_sets() -> None:
    faces = said([0, 2], [1, 1, 1, 0], 25)
    rows = [{"race": "asian", "expression": "fear", "beauty": 5.0}] * 100
    labels = build_labels([{"gender": "male" if i % 4 else "female", "age": 30} | row for i, row in enumerate(rows)])
    for attribute in (Attribute.RACE, Attribute.EXPRESSION):
        faces.logits[attribute][::2, 2] = 3
    everywhere = Predictions(faces.logits, labels, faces.quality, 0, {})

    manifest = calibrate_all({name: everywhere for tables in TABLES.values() for name in tables})

    assert {attribute: tuple(sets) for attribute, sets in manifest["checked"].items()} == {
        attribute.value: tables for attribute, tables in TABLES.items()
    }
    assert manifest["temperature"].keys() == {"gender", "race", "expression"}
    assert manifest["widening"].keys() == {"age", "beauty"}
    assert manifest["coverage"] == COVERAGE
