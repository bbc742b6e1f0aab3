"""Labels of the sets to labels that are served."""

import numpy as np
import pytest

from cv.engine.labels import BINS, Attribute
from training.data.labels import NO_CLASS, age_distribution, beauty_distribution, labels_of, unknown_labels


def test_labels_of_the_sets_become_the_served_ones() -> None:
    labels = labels_of(
        [
            {"race": "caucasian", "gender": "male"},
            {"race": "mideastern", "expression": "contempt"},
            {"attractive": 53.2, "gender": 90.0, "age": 40.0},
            {"attractive": 53.2, "gender": 55.0},
        ]
    )

    assert labels.classes[Attribute.RACE].tolist() == [0, 4, NO_CLASS, NO_CLASS]
    assert labels.classes[Attribute.GENDER].tolist() == [1, NO_CLASS, 1, NO_CLASS]
    assert labels.classes[Attribute.EXPRESSION].tolist() == [NO_CLASS] * 4
    assert np.isnan(labels.values[Attribute.AGE]).all()
    assert labels.values[Attribute.BEAUTY][2:] == pytest.approx([6.12, 6.12])


def test_impressions_that_are_missing_or_texts_are_not_reckoned_with() -> None:
    labels = labels_of(
        [
            {"attractive": None, "gender": 90.0, "age": 40.0},
            {"attractive": 53.2, "gender": None, "age": 40.0},
            {"attractive": 1, "gender": "male", "age": 40.0},
            {"attractive": "yes", "gender": None, "age": 40.0},
        ]
    )

    assert labels.classes[Attribute.GENDER].tolist() == [1, NO_CLASS, 1, NO_CLASS]
    assert labels.values[Attribute.BEAUTY].tolist() == pytest.approx([np.nan, 6.12, np.nan, np.nan], nan_ok=True)
    assert labels.values[Attribute.AGE].tolist() == pytest.approx([np.nan, np.nan, 40, 40], nan_ok=True)


def test_age_distribution_sums_to_one_about_the_label() -> None:
    distribution = age_distribution(30)

    assert float(distribution.sum()) == pytest.approx(1, abs=1e-5)
    assert float(distribution @ BINS[Attribute.AGE]) == pytest.approx(30, abs=1e-3)
    assert int(age_distribution(116).argmax()) == 100


def test_beauty_distribution_is_half_the_raters_and_half_smooth() -> None:
    row = {"beauty": 8.0, "ratings_hist": [0, 0, 0, 0, 0, 0, 0, 10, 0, 0]}

    distribution = beauty_distribution(row)

    assert float(distribution.sum()) == pytest.approx(1, abs=1e-5)
    assert float(distribution[7]) > 0.6


def test_label_outside_its_set_is_named_and_counts_as_missing() -> None:
    row = {"gender": "femal", "expression": "contempt", "race": "white"}

    assert unknown_labels(row) == ["gender 'femal' is none of female, male"]
    assert labels_of([row]).classes[Attribute.GENDER].tolist() == [NO_CLASS]
