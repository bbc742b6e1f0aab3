"""Translates the labels of the sets into the served ones."""

import numpy as np
import pytest

from cv.engine.labels import BINS, Attribute
from training.data.labels import (
    AGE_BANDS,
    NO_CLASS,
    age_distribution,
    beauty_distribution,
    build_labels,
    count_unknown_labels,
    describe_unknown_labels,
    find_age_band,
)


def test_labels_of_the_sets_become_the_served_ones() -> None:
    labels = build_labels(
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


def test_impressions_that_are_missing_or_text_are_not_converted() -> None:
    labels = build_labels(
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


def test_beauty_of_scut_is_spread_as_its_own_raters_are() -> None:
    bins = BINS[Attribute.BEAUTY]

    def spread_of(row: dict[str, float]) -> float:
        distribution = beauty_distribution(row)
        return float(distribution @ (bins - distribution @ bins) ** 2) ** 0.5

    assert spread_of({"beauty": 5.5}) == pytest.approx(1.75, abs=0.01)
    assert spread_of({"beauty": 5.5, "fold": 1}) == pytest.approx(1.32, abs=0.01)


def test_label_outside_its_set_is_named_and_counts_as_missing() -> None:
    row = {"gender": "femal", "expression": "contempt", "race": "white"}

    assert describe_unknown_labels(row) == ["gender 'femal' is not one of female, male"]
    assert build_labels([row]).classes[Attribute.GENDER].tolist() == [NO_CLASS]


def test_unknown_labels_are_counted_by_name() -> None:
    rows = [
        {"gender": "femal", "expression": "contempt", "age_band": "60+"},
        {"gender": "male", "expression": "contempt", "race": "hispanic", "age_band": "60-69"},
        {"expression": None},
    ]

    assert count_unknown_labels(rows) == {
        "gender": {"femal": 1},
        "expression": {"contempt": 2},
        "age_band": {"60+": 1},
    }


def test_a_majority_is_more_than_half_of_ten_votes_for_one_of_the_seven() -> None:
    votes = [
        [0, 6, 4, 0, 0, 0, 0, 0, 0, 0],  # happiness
        [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # even
        [0, 0, 0, 0, 0, 0, 0, 8, 0, 2],  # contempt
        [0, 0, 0, 0, 0, 0, 10, 0, 0, 0],  # fear
    ]
    labels = build_labels([{"votes": row} for row in votes] + [{}])

    assert labels.majorities.tolist() == [3, NO_CLASS, NO_CLASS, 2, NO_CLASS]


def test_ages_fall_into_the_band_of_their_whole_years() -> None:
    ages = np.array([0, 2.9, 3, 9.9, 69.9, 70, 120], dtype=np.float32)

    assert find_age_band(ages).tolist() == [0, 0, 1, 1, 7, 8, 8]
    banded = [{"age_band": f"{low}-{high}"} for low, high in AGE_BANDS]
    bands = build_labels([*banded, {"age_band": "60+"}, {}]).age_bands
    assert bands.tolist() == [*range(9), NO_CLASS, NO_CLASS]


def test_the_beauty_of_scut_is_put_on_the_served_scale_by_mean_and_spread() -> None:
    labels = build_labels([{"beauty": 3.01, "fold": 2}, {"beauty": 3.66, "fold": 1}, {"beauty": 3.01}])

    assert labels.values[Attribute.BEAUTY].tolist() == pytest.approx([6.12, 7.44, 3.01], abs=1e-4)
    assert float(labels.distributions[Attribute.BEAUTY][0] @ BINS[Attribute.BEAUTY]) == pytest.approx(6.0, abs=0.2)


def test_an_age_of_which_only_the_band_is_known_may_be_any_year_of_it() -> None:
    labels = build_labels([{"age_band": "3-9"}, {"age_band": "70-116"}, {"age": 5, "age_band": "3-9"}])

    ages = labels.distributions[Attribute.AGE]
    assert np.flatnonzero(ages[0]).tolist() == list(range(3, 10))
    assert np.flatnonzero(ages[1]).tolist() == list(range(70, 101))
    assert set(np.unique(ages[:2])) == {0.0, 1.0}
    assert float(ages[2].sum()) == pytest.approx(1, abs=1e-5)
    assert labels.known(Attribute.AGE).tolist() == [False, False, True]


def test_votes_are_kept_as_they_were_counted() -> None:
    labels = build_labels([{"votes": [4, 0, 0, 1, 3, 2, 0, 0, 0, 0]}, {"expression": "fear"}])

    assert labels.votes.tolist() == [[4, 0, 0, 1, 3, 2, 0, 0, 0, 0], [0] * 10]
