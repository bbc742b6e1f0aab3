"""Logits to typed attributes: temperatures, means, quantiles and intervals by hand."""

from dataclasses import replace

import numpy as np
import pytest

from cv.engine.align import Similarity
from cv.engine.config import WEIGHTS_DIR
from cv.engine.errors import ModelNotReady
from cv.engine.labels import BINS, Attribute
from cv.engine.manifest import Calibration, Levels, read_manifest
from cv.engine.outputs import DEFAULT_OUTPUTS, Output, Shape, register
from cv.engine.readers.attributes import AttributeReader, calibrated, estimate, softmax
from cv.engine.types import Answers

PLAIN = Calibration(bias={}, temperature={}, slopes={}, levels={}, coverage=0.8)
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
    calibration = Calibration(bias={}, temperature={Attribute.GENDER: 2.0}, slopes={}, levels={}, coverage=0.8)

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


def test_interval_ends_where_the_cumulative_share_reaches_the_levels() -> None:
    even = np.full((1, 10), 0.1, dtype=np.float32)

    _, low, high = estimate(even, BINS[Attribute.BEAUTY], Levels((5.0,), (0.1,), (0.55,)))

    assert (low, high) == (pytest.approx([1.5]), pytest.approx([6.0]))


def test_levels_that_depend_on_the_value_take_in_values_that_the_net_underrates() -> None:
    even = np.full((1, 10), 0.1, dtype=np.float32)
    rising = Levels((0.5, 5.5, 10.5), (0.0, 0.25, 0.5), (0.5, 0.75, 1.0))

    _, low, high = estimate(even, BINS[Attribute.BEAUTY], rising)

    # The share grows by 0.1 a point, the low level by 0.05, so it is passed at once; the high one is never passed.
    assert (low, high) == (pytest.approx([1]), pytest.approx([10]))


def test_interval_stays_on_the_scale() -> None:
    sure = np.zeros((2, 10), dtype=np.float32)
    sure[0, 4] = sure[1, 0] = 1  # probability 1 on 5, and on 1

    values, low, high = estimate(sure, BINS[Attribute.BEAUTY], Levels((5.0,), (0.1,), (0.9,)))

    np.testing.assert_allclose(values, [5, 1])
    np.testing.assert_allclose(low, [5 - 0.4, 1], rtol=1e-5)
    np.testing.assert_allclose(high, [5 + 0.4, 1 + 0.4], rtol=1e-5)


def test_interval_always_holds_the_value() -> None:
    """Two far peaks of unequal weight: the mean may lie outside of a narrow interval."""
    skewed = np.zeros((1, 101), dtype=np.float32)
    skewed[0, 0], skewed[0, 100] = 0.95, 0.05

    values, low, high = estimate(skewed, BINS[Attribute.AGE], Levels((5.0,), (0.1,), (0.9,)))

    assert low[0] <= values[0] <= high[0]


def test_softmax_takes_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0]], dtype=np.float32)), [[0.5, 0.5]])


def test_bias_lifts_a_rare_class_before_the_temperature_divides() -> None:
    calibration = Calibration(
        bias={Attribute.GENDER: (1.0, -1.0)}, temperature={Attribute.GENDER: 2.0}, slopes={}, levels={}, coverage=0.8
    )
    logits = {Attribute.GENDER: np.array([[0.0, 1.0]], dtype=np.float32)}

    (probabilities,) = reader(calibration).probabilities(logits, np.zeros((1, 2), dtype=np.float32))[Attribute.GENDER]

    assert probabilities.tolist() == pytest.approx([0.62246, 0.37754], abs=1e-5)  # softmax((1, 0) / 2)


def test_answers_about_small_faces_are_less_sure_if_their_slope_says_so() -> None:
    calibration = Calibration({}, {"gender": 1.0}, {"gender": (float(np.log(2)), 0.0)}, {}, coverage=0)
    logits = np.tile(np.array([0.0, 2 * np.log(3)], dtype=np.float32), (2, 1))
    traits = np.array([[0, 1], [1, 1]], dtype=np.float32)

    probabilities = calibrated(logits, traits, calibration, "gender")

    np.testing.assert_allclose(probabilities[:, 1], [0.9, 0.75], rtol=1e-6)


@pytest.mark.usefixtures("registries")
def test_an_output_of_a_shape_that_no_head_gives_is_refused() -> None:
    register(Output("outline", Shape.POINTS))

    with pytest.raises(ModelNotReady, match=r"models\[0\]\.outputs: outline has the shape points"):
        AttributeReader(replace(MODEL, heads={"outline": 136}), lambda batch: [])
