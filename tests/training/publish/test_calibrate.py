"""Calibration corrects confidence, rare classes and interval widths."""

import numpy as np
import pytest

from cv.engine.config import Pack
from cv.engine.labels import BINS, CLASSES, Attribute, head_size
from cv.engine.readers.attributes import estimate, softmax
from cv.engine.traits import TRAITS
from training.data.labels import build_labels
from training.measure.evaluation import Predictions
from training.measure.metrics import balanced_accuracy
from training.publish.calibrate import (
    COVERAGE,
    TABLES,
    calibrate,
    calibrate_all,
    fit_bias,
    fit_levels,
    fit_slopes,
    fit_temperature,
    known_values,
    share_below,
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


def answers_around(centres: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Stated with a spread of 4."""
    return softmax((-((bins - centres[:, None]) ** 2) / 32).astype(np.float32))


def test_intervals_hold_the_stated_share_of_other_faces_of_every_age() -> None:
    random = np.random.default_rng(0)
    bins = BINS[Attribute.AGE]
    true = random.uniform(5, 80, 8000).astype(np.float32)
    # All are taken for people nearer to 25 than they are, as a net does that has seen many of that age.
    probabilities = answers_around(25 + 0.9 * (true - 25) + random.normal(0, 5, 8000), bins)
    table = np.zeros(8000, dtype=np.int64)

    levels = fit_levels(Attribute.AGE, probabilities[::2], true[::2], table[::2])

    _, low, high = estimate(probabilities[1::2], bins, levels)
    holds, ages = (true[1::2] >= low) & (true[1::2] <= high), true[1::2]
    for youngest in range(5, 75, 10):
        band = (ages >= youngest) & (ages < youngest + 10)
        assert holds[band].mean() == pytest.approx(COVERAGE, abs=0.05)


def test_the_share_below_a_value_spreads_each_bin_evenly() -> None:
    even = np.full((3, 10), 0.1, dtype=np.float32)

    shares = share_below(even, np.array([1.0, 5.5, 10.5]), BINS[Attribute.BEAUTY])

    assert shares.tolist() == pytest.approx([0.05, 0.5, 1.0])


def test_the_temperature_follows_the_trait_that_makes_answers_wrong() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (6000, 3)).astype(np.float32)
    true = np.array([random.choice(3, p=p / p.sum()) for p in softmax(logits).astype(float)])
    traits = np.zeros((6000, 2), dtype=np.float32)
    traits[::2, 0] = 1

    temperature, (small, grey) = fit_slopes(logits * (1 + traits[:, :1]), traits, true, np.ones(6000))

    assert temperature == pytest.approx(1, abs=0.1)
    assert (small, grey) == pytest.approx((np.log(2), 0), abs=0.12)


def said(logits: list[float], true: list[int], repeats: int) -> Predictions:
    """The same logits for a set of faces whose genders are ``true``; every other answer is even."""
    labels = build_labels([{"gender": CLASSES[Attribute.GENDER][i], "age": 30 + 20 * i} for i in true * repeats])
    n = len(true) * repeats
    heads = {attribute: np.zeros((n, head_size(attribute)), dtype=np.float32) for attribute in Attribute}
    heads[Attribute.GENDER] = np.tile(np.asarray(logits, dtype=np.float32), (n, 1))
    return Predictions(heads, np.zeros((n, len(TRAITS)), dtype=np.float32), labels, [None] * n, 0, {})


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


def test_every_attribute_is_calibrated_and_checked_on_each_of_its_sets() -> None:
    faces = said([0, 2], [1, 1, 1, 0], 25)
    rows = [{"race": "asian", "expression": "fear", "beauty": 5.0}] * 100
    labels = build_labels([{"gender": "male" if i % 4 else "female", "age": 30} | row for i, row in enumerate(rows)])
    for attribute in (Attribute.RACE, Attribute.EXPRESSION):
        faces.logits[attribute][::2, 2] = 9
    everywhere = Predictions(faces.logits, faces.traits, labels, faces.quality, 0, {})

    research = TABLES[Pack.RESEARCH]
    manifest = calibrate_all({name: everywhere for tables in research.values() for name in tables}, research)

    assert {attribute: tuple(sets) for attribute, sets in manifest["checked"].items()} == {
        attribute.value: tables for attribute, tables in research.items()
    }
    assert manifest["temperature"].keys() == {"gender", "race", "expression"}
    assert manifest["levels"].keys() == {"age", "beauty"}
    assert manifest["coverage"] == COVERAGE


def test_a_face_whose_band_alone_is_known_counts_with_a_year_of_that_band() -> None:
    labels = build_labels([{"age_band": "30-39"}, {"age_band": "70-116"}, {"age": 41.0}, {}] * 500)

    years = known_values(labels, Attribute.AGE)

    assert 30 <= years[0::4].min() < 31 < 39 < years[0::4].max() < 40
    assert 70 <= years[1::4].min() < 71 < 84 < years[1::4].max() < 85
    assert (years[2::4] == 41).all()
    assert np.isnan(years[3::4]).all()
