"""Logits to typed attributes: temperatures, means, quantiles and intervals by hand."""

import numpy as np
import pytest

from cv.engine.attributes import Describer, estimate, quantile, softmax
from cv.engine.labels import BINS, Attribute, head_size
from cv.engine.types import Attributes
from cv.engine.weights import Calibration

PLAIN = Calibration(bias={}, temperature={}, widening={}, coverage=0.8)


def fixed_net(**logits: list[float]):  # type: ignore[no-untyped-def]
    """A net that answers every chip alike; heads that are not named are all zeros."""

    def run(batch: np.ndarray) -> list[np.ndarray]:
        rows = [logits.get(attribute, [0.0] * head_size(attribute)) for attribute in Attribute]
        return [np.tile(np.array(row, dtype=np.float32), (len(batch), 1)) for row in rows]

    return run


def chips(count: int) -> np.ndarray:
    return np.zeros((count, 8, 8, 3), dtype=np.uint8)


def test_class_is_the_likeliest_and_every_class_has_its_probability() -> None:
    (face,) = Describer(fixed_net(gender=[0.0, np.log(3)]), PLAIN).describe(chips(1), frozenset(Attribute))

    assert face.gender is not None
    assert face.gender.label == "male"
    assert face.gender.probabilities == pytest.approx({"female": 0.25, "male": 0.75})


def test_temperature_divides_the_logits() -> None:
    calibration = Calibration(bias={}, temperature={Attribute.GENDER: 2.0}, widening={}, coverage=0.8)

    (face,) = Describer(fixed_net(gender=[0.0, 2 * np.log(3)]), calibration).describe(chips(1), frozenset(Attribute))

    assert face.gender is not None
    assert face.gender.probabilities["male"] == pytest.approx(0.75)


def test_only_what_is_asked_for_is_described() -> None:
    (face,) = Describer(fixed_net(), PLAIN).describe(chips(1), frozenset({Attribute.AGE}))

    assert face.age is not None
    assert (face.gender, face.race, face.expression, face.beauty) == (None, None, None, None)


def test_no_chips_are_no_attributes() -> None:
    assert Describer(fixed_net(), PLAIN).describe(chips(0), frozenset(Attribute)) == []


def test_more_chips_than_one_batch_are_all_described() -> None:
    assert len(Describer(fixed_net(), PLAIN).describe(chips(70), frozenset(Attribute))) == 70


def test_beauty_names_its_scale_and_age_has_none() -> None:
    (face,) = Describer(fixed_net(), PLAIN).describe(chips(1), frozenset(Attribute))

    assert face.beauty is not None
    assert face.age is not None
    assert face.beauty.scale == (1.0, 10.0)
    assert face.beauty.value == pytest.approx(5.5)
    assert face.age.scale is None
    assert face.age.value == pytest.approx(50)


def test_estimates_state_the_coverage_that_they_were_calibrated_for() -> None:
    (face,) = Describer(fixed_net(), PLAIN).describe(chips(1), frozenset(Attribute))

    assert face.age is not None
    assert face.beauty is not None
    assert (face.age.coverage, face.beauty.coverage) == (0.8, 0.8)


def test_even_distribution_has_the_quantiles_of_its_range() -> None:
    even = np.full((1, 10), 0.1, dtype=np.float32)

    assert quantile(even, BINS[Attribute.BEAUTY], 0.1) == pytest.approx([1.5])
    assert quantile(even, BINS[Attribute.BEAUTY], 0.55) == pytest.approx([6.0])


def test_interval_is_widened_and_stays_on_the_scale() -> None:
    sure = np.zeros((2, 10), dtype=np.float32)
    sure[0, 4] = sure[1, 0] = 1  # all on 5, all on 1

    values, low, high = estimate(sure, BINS[Attribute.BEAUTY], coverage=0.8, widening=0.6)

    np.testing.assert_allclose(values, [5, 1])
    np.testing.assert_allclose(low, [5 - 0.4 - 0.6, 1], rtol=1e-5)
    np.testing.assert_allclose(high, [5 + 0.4 + 0.6, 1 + 0.4 + 0.6], rtol=1e-5)


def test_interval_always_holds_the_value() -> None:
    """Two far peaks of unequal weight: the mean may lie outside of a narrow interval."""
    skewed = np.zeros((1, 101), dtype=np.float32)
    skewed[0, 0], skewed[0, 100] = 0.95, 0.05

    values, low, high = estimate(skewed, BINS[Attribute.AGE], coverage=0.8, widening=0)

    assert low[0] <= values[0] <= high[0]


def test_softmax_takes_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0]], dtype=np.float32)), [[0.5, 0.5]])


def test_net_does_not_run_where_nothing_is_wanted() -> None:
    def never(batch: np.ndarray) -> list[np.ndarray]:
        raise AssertionError("the net ran")

    assert Describer(never, PLAIN).describe(chips(2), frozenset()) == [Attributes(), Attributes()]


def test_bias_lifts_a_rare_class_before_the_temperature_divides() -> None:
    calibration = Calibration(
        bias={Attribute.GENDER: (1.0, -1.0)}, temperature={Attribute.GENDER: 2.0}, widening={}, coverage=0.8
    )
    logits = {Attribute.GENDER: np.array([[0.0, 1.0]], dtype=np.float32)}

    (probabilities,) = Describer(lambda batch: [], calibration).probabilities(logits)[Attribute.GENDER]

    assert probabilities.tolist() == pytest.approx([0.62246, 0.37754], abs=1e-5)  # softmax((1, 0) / 2)
