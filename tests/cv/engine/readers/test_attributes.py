"""Logits to typed attributes: temperatures, means, quantiles and intervals by hand."""

from dataclasses import replace

import numpy as np
import pytest

from cv.engine.align import Similarity
from cv.engine.config import WEIGHTS_DIR
from cv.engine.errors import ModelNotReady
from cv.engine.labels import BINS, Attribute
from cv.engine.manifest import Calibration, read_manifest
from cv.engine.outputs import DEFAULT_OUTPUTS, Output, Shape, register
from cv.engine.readers.attributes import AttributeReader, estimate, quantile, softmax
from cv.engine.types import Answers

PLAIN = Calibration(bias={}, temperature={}, widening={}, coverage=0.8)
MODEL = read_manifest(WEIGHTS_DIR).default
ALL = frozenset(DEFAULT_OUTPUTS)


def reader(calibration: Calibration = PLAIN, **logits: list[float]) -> AttributeReader:
    """Gives the same answer for all chips; heads that are not named are zeros."""

    def net(batch: np.ndarray) -> list[np.ndarray]:
        rows = [logits.get(name, [0.0] * size) for name, size in MODEL.heads.items()]
        return [np.tile(np.array(row, dtype=np.float32), (len(batch), 1)) for row in rows]

    return AttributeReader(replace(MODEL, calibration=calibration), net)


def read(reader: AttributeReader, count: int = 1, wanted: frozenset[str] = ALL) -> list[Answers]:
    return reader.read(chips(count), [Similarity(1 + 0j, 0j)] * count, wanted)


def chips(count: int) -> np.ndarray:
    return np.zeros((count, 8, 8, 3), dtype=np.uint8)


def test_class_is_the_likeliest_and_every_class_has_its_probability() -> None:
    (face,) = read(reader(gender=[0.0, np.log(3)]))

    assert face["gender"].label == "male"
    assert face["gender"].probabilities == pytest.approx({"female": 0.25, "male": 0.75})


def test_temperature_divides_the_logits() -> None:
    calibration = Calibration(bias={}, temperature={Attribute.GENDER: 2.0}, widening={}, coverage=0.8)

    (face,) = read(reader(calibration, gender=[0.0, 2 * np.log(3)]))

    assert face["gender"].probabilities["male"] == pytest.approx(0.75)


def test_only_what_is_asked_for_is_described() -> None:
    (face,) = read(reader(), wanted=frozenset({"age"}))

    assert list(face) == ["age"]


def test_more_chips_than_one_batch_are_all_described() -> None:
    assert len(read(reader(), 70)) == 70


def test_beauty_names_its_scale_and_age_has_none() -> None:
    (face,) = read(reader())

    assert face["beauty"].scale == (1.0, 10.0)
    assert face["beauty"].value == pytest.approx(5.5)
    assert face["age"].scale is None
    assert face["age"].value == pytest.approx(50)


def test_estimates_state_the_coverage_that_they_were_calibrated_for() -> None:
    (face,) = read(reader())

    assert (face["age"].coverage, face["beauty"].coverage) == (0.8, 0.8)


def test_even_distribution_has_the_quantiles_of_its_range() -> None:
    even = np.full((1, 10), 0.1, dtype=np.float32)

    assert quantile(even, BINS[Attribute.BEAUTY], 0.1) == pytest.approx([1.5])
    assert quantile(even, BINS[Attribute.BEAUTY], 0.55) == pytest.approx([6.0])


def test_interval_is_widened_and_stays_on_the_scale() -> None:
    sure = np.zeros((2, 10), dtype=np.float32)
    sure[0, 4] = sure[1, 0] = 1  # probability 1 on 5, and on 1

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


def test_bias_lifts_a_rare_class_before_the_temperature_divides() -> None:
    calibration = Calibration(
        bias={Attribute.GENDER: (1.0, -1.0)}, temperature={Attribute.GENDER: 2.0}, widening={}, coverage=0.8
    )
    logits = {Attribute.GENDER: np.array([[0.0, 1.0]], dtype=np.float32)}

    (probabilities,) = reader(calibration).probabilities(logits)[Attribute.GENDER]

    assert probabilities.tolist() == pytest.approx([0.62246, 0.37754], abs=1e-5)  # softmax((1, 0) / 2)


@pytest.mark.usefixtures("registries")
def test_an_output_of_a_shape_that_no_head_gives_is_refused() -> None:
    register(Output("outline", Shape.POINTS))

    with pytest.raises(ModelNotReady, match=r"models\[0\]\.outputs: outline has the shape points"):
        AttributeReader(replace(MODEL, heads={"outline": 136}), lambda batch: [])
