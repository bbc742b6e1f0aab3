"""The report of a few faces is JSON, with intervals only for measures that have one."""

import json
from typing import Any

import numpy as np

from cv.engine.config import WEIGHTS_DIR
from cv.engine.labels import Attribute, head_size
from cv.engine.manifest import read_manifest
from cv.engine.readers.attributes import AttributeReader
from cv.engine.traits import TRAITS
from training.data.labels import build_labels
from training.measure.report import report

# An answer is too uncertain below this probability, or above this width in years or points.
LIMITS = {
    Attribute.GENDER: 0.9,
    Attribute.RACE: 0.6,
    Attribute.EXPRESSION: 0.45,
    Attribute.AGE: 25,
    Attribute.BEAUTY: 9,
}


LEAST_QUALITY = 0.25


def report_of(rows: list[dict[str, Any]], quality: float = np.nan, **sure: int) -> dict[str, Any]:
    """A report on random answers; ``expression=3`` gives every face the fourth class with certainty."""
    random = np.random.default_rng(0)
    logits = {a: random.normal(size=(len(rows), head_size(a))).astype(np.float32) for a in Attribute}
    reader = AttributeReader(read_manifest(WEIGHTS_DIR).default, lambda batch: [])
    for name, index in sure.items():
        logits[Attribute(name)][:] = -50
        logits[Attribute(name)][:, index] = 50
    traits = np.zeros((len(rows), len(TRAITS)), dtype=np.float32)
    qualities = np.full(len(rows), quality, np.float32)
    return report(build_labels(rows), logits, traits, qualities, reader, LIMITS, LEAST_QUALITY)


def test_a_group_of_one_rated_face_has_no_interval_of_its_ratings() -> None:
    men = [{"gender": "male", "beauty": beauty} for beauty in (3.0, 5.0, 8.0)]

    result = report_of([*men, {"gender": "female", "beauty": 6.0}])

    json.dumps(result, allow_nan=False)
    groups = result["groups"]["gender"]
    assert groups["male"]["intervals"].keys() == {"gender_accuracy", "beauty_mae", "beauty_pearson"}
    assert groups["female"]["intervals"].keys() == {"gender_accuracy"}


def test_faces_of_the_same_rating_have_no_correlation_and_no_interval_of_one() -> None:
    result = report_of([{"beauty": 5.0}] * 4)

    json.dumps(result, allow_nan=False)
    assert result["intervals"].keys() == {"beauty_mae"}
    assert "beauty_pearson" not in result


def test_expressions_are_compared_with_the_majority_of_the_votes() -> None:
    happy, sad, split = [0, 9, 0, 0, 1, 0, 0, 0, 0, 0], [1, 0, 0, 8, 1, 0, 0, 0, 0, 0], [4, 4, 2, 0, 0, 0, 0, 0, 0, 0]
    rows = [{"gender": "male", "votes": votes} for votes in (happy, happy, sad, split)]

    result = report_of([*rows, {"gender": "female", "votes": split}], expression=3)

    assert result["expression_majority_accuracy"] == round(2 / 3, 4)
    assert result["groups"]["gender"]["male"]["expression_majority_accuracy"] == round(2 / 3, 4)
    assert "expression_majority_accuracy" not in result["groups"]["gender"]["female"]
    assert "expression_accuracy" not in result


def test_ages_are_compared_with_bands() -> None:
    bands = ["30-39", "20-29", "40-49", "70-116"]

    result = report_of([{"age_band": band, "gender": "male"} for band in bands], age=33)

    assert result["age_band_accuracy"] == 0.25
    assert result["age_band_off_by_one"] == 0.75
    assert {group: scores["n"] for group, scores in result["groups"]["age"].items()} == {
        "20-29": 1,
        "30-39": 1,
        "40-49": 1,
        "70+": 1,
    }
    assert "age_mae" not in result


def test_answers_that_are_too_uncertain_are_counted_for_all_and_for_each_group() -> None:
    rows = [{"gender": "male"}, {"gender": "male"}, {"gender": "female"}]

    result = report_of(rows, gender=1, race=2)

    assert result["abstained"].keys() == {"age", "gender", "race", "expression", "beauty"}
    # Sure of gender and race; the random answers about ages spread over a hundred years.
    assert (result["abstained"]["gender"], result["abstained"]["race"], result["abstained"]["age"]) == (0, 0, 1)
    assert result["groups"]["gender"]["male"]["abstained"]["age"] == 1


def test_all_answers_about_a_face_of_poor_quality_are_too_uncertain() -> None:
    poor, good = (report_of([{"gender": "male"}], quality, gender=1, race=2)["abstained"] for quality in (0.2, 0.3))

    assert set(poor.values()) == {1}
    assert (good["gender"], good["race"]) == (0, 0)
