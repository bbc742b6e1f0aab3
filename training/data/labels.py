"""Translates the labels of the sets into the served classes and scales."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cv.engine.labels import BINS, CLASSES, Attribute, head_size

_SAME_RACE = {"caucasian": "white", "hispanic": "others", "mideastern": "others"}
NO_CLASS: Final = -1
# Valid labels of the sets that the service does not answer.
_UNSERVED = frozenset({"contempt"})

# Mean and standard deviation over the training rows, of MEBeauty's and SCUT's mean ratings and OMI's ``attractive``.
_BEAUTY_MEAN, _BEAUTY_SPREAD = 6.12, 1.32
_ATTRACTIVE_MEAN, _ATTRACTIVE_SPREAD = 53.2, 12.5
_SCUT_MEAN, _SCUT_SPREAD = 3.01, 0.65
_CLEAR_GENDER = 15

# Standard deviations: of age around its label in years, and of one face's ratings (MEBeauty's mean ``ratings_std``; of
# SCUT's sixty raters 0.65 points of 5, converted).
_AGE_SIGMA = 2.0
_RATING_SPREAD = 1.8
_SCUT_RATING_SPREAD = 0.65 / _SCUT_SPREAD * _BEAUTY_SPREAD

# First and last year of each band; the last band also takes older ages.
AGE_BANDS: Final = ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 116))
_BAND_LABELS: Final = tuple(f"{low}-{high}" for low, high in AGE_BANDS)
# The first seven of FER+'s counts; then contempt, unknown and "not a face". Ten people vote.
VOTED: Final = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
_VOTERS, _COUNTS = 10, 10

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of N faces; a missing one is NO_CLASS, NaN or a row of zeros.

    classes: int64 ``(N,)`` each; values: float32 ``(N,)`` each, years or points of the scale; distributions: float32
    ``(N, head_size)`` of every attribute, the class or value as a distribution that sums to 1. If only the
    band of an age is known, its years are 1 and the others 0.
    votes: float32 ``(N, 10)``, FER+'s counts; zeros without votes.
    majorities: int64 ``(N,)``, the expression that more than half of the ten voters chose; age_bands: int64 ``(N,)``,
    an index of AGE_BANDS.
    """

    classes: dict[Attribute, npt.NDArray[np.int64]]
    values: dict[Attribute, npt.NDArray[np.float32]]
    distributions: dict[Attribute, npt.NDArray[np.float32]]
    votes: npt.NDArray[np.float32]
    majorities: npt.NDArray[np.int64]
    age_bands: npt.NDArray[np.int64]

    def known(self, attribute: Attribute) -> npt.NDArray[np.bool_]:
        """Which faces have this label, ``(N,)``."""
        if attribute in CLASSES:
            return np.asarray(self.classes[attribute] != NO_CLASS)
        return ~np.isnan(self.values[attribute])


def convert_labels(row: Row) -> Row:
    """Converts rows of One Million Impressions and SCUT, which have their own scales; returns other rows unchanged.

    Beauty is scaled to MEBeauty's mean and standard deviation. A row with ``attractive`` is from One Million
    Impressions, unless that or ``gender`` is text. Its numbers go from 0 to 100: a clear ``gender`` is kept, ``age`` is
    dropped, because an impression is not a number of years. A row with a ``fold`` is from SCUT.
    """
    if row.get("fold") is not None and row.get("beauty") is not None:
        return row | {"beauty": _BEAUTY_MEAN + (row["beauty"] - _SCUT_MEAN) / _SCUT_SPREAD * _BEAUTY_SPREAD}
    attractive, gender = (row.get(name) for name in ("attractive", "gender"))
    if "attractive" not in row or isinstance(attractive, str) or isinstance(gender, str):
        return row
    known: Row = {}
    if attractive is not None:
        known["beauty"] = _BEAUTY_MEAN + (attractive - _ATTRACTIVE_MEAN) / _ATTRACTIVE_SPREAD * _BEAUTY_SPREAD
    if gender is not None and abs(gender - 50) > _CLEAR_GENDER:
        known["gender"] = "male" if gender > 50 else "female"
    return known


def describe_unknown_labels(row: Row) -> list[str]:
    """Messages for the log about labels that are not classes; these labels count as missing."""
    known = convert_labels(row)
    return [
        f"{attribute} {label!r} is not one of {', '.join(CLASSES[attribute])}"
        for attribute in CLASSES
        if (label := known.get(attribute)) is not None
        and label not in _UNSERVED
        and find_class(known, attribute) == NO_CLASS
    ]


def count_unknown_labels(table_rows: list[Row]) -> dict[str, dict[str, int]]:
    """Counts the labels outside the served classes and age bands: for each column, rows by label."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in table_rows:
        known = convert_labels(row)
        for attribute in CLASSES:
            if known.get(attribute) is not None and find_class(known, attribute) == NO_CLASS:
                counts[attribute.value][str(known[attribute])] += 1
        if row.get("age_band") is not None and age_band(row) == NO_CLASS:
            counts["age_band"][str(row["age_band"])] += 1
    return {column: dict(labels) for column, labels in counts.items()}


def find_majority_expression(row: Row) -> int:
    """The class index of the expression with more than half of the ``votes``; NO_CLASS if there is none."""
    for label, votes in zip(VOTED, row.get("votes") or (), strict=False):
        if votes > _VOTERS / 2:
            return CLASSES[Attribute.EXPRESSION].index(label)
    return NO_CLASS


def age_band(row: Row) -> int:
    """The index of the row's ``age_band`` in AGE_BANDS, or NO_CLASS if it has another band."""
    label = row.get("age_band")
    return _BAND_LABELS.index(label) if label in _BAND_LABELS else NO_CLASS


def find_age_band(years: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The index of the band of each age, ``(N,)``; an age between two bands belongs to the lower one."""
    return np.searchsorted([low for low, _ in AGE_BANDS], years, side="right") - 1


def years_of_band(band: int) -> npt.NDArray[np.float32]:
    """1 for each year of a band of AGE_BANDS, else 0, float32 ``(101,)``; all later years count as the last one."""
    low, high = AGE_BANDS[band]
    years = BINS[Attribute.AGE]
    return np.asarray((years >= low) & (years <= high), dtype=np.float32)


def find_class(row: Row, attribute: Attribute) -> int:
    """The class index of a row, or NO_CLASS if its label is missing or not a served class."""
    label = _SAME_RACE.get(row.get(attribute, ""), row.get(attribute))
    return CLASSES[attribute].index(label) if label in CLASSES[attribute] else NO_CLASS


def age_distribution(years: float) -> npt.NDArray[np.float32]:
    """A discretised normal around the labelled age (label distribution learning, Gao et al. 2017)."""
    bins = BINS[Attribute.AGE]
    weights = np.exp(-((bins - np.clip(years, bins[0], bins[-1])) ** 2) / (2 * _AGE_SIGMA**2))
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def beauty_distribution(row: Row) -> npt.NDArray[np.float32]:
    """The share of raters for each rating, mixed with a normal of the same mean so that few raters leave no gaps.

    Each set has its own spread, so that the net learns how far raters differ about each kind of picture.
    """
    bins = BINS[Attribute.BEAUTY]
    histogram = np.asarray(row.get("ratings_hist") or np.zeros(len(bins)), dtype=np.float32)
    spread = _RATING_SPREAD if row.get("fold") is None else _SCUT_RATING_SPREAD
    normal = np.exp(-((bins - row["beauty"]) ** 2) / (2 * spread**2))
    normal /= normal.sum()
    raters = histogram.sum()
    return np.asarray((histogram / raters + normal) / 2 if raters else normal, dtype=np.float32)


def build_labels(table_rows: list[Row]) -> Labels:
    """Builds the labels of rows as the tables have them; a column that a row lacks counts as a missing label."""
    known = [convert_labels(row) for row in table_rows]
    values = {
        attribute: np.array([_number(row.get(attribute)) for row in known], dtype=np.float32) for attribute in BINS
    }
    classes = {
        attribute: np.array([find_class(row, attribute) for row in known], dtype=np.int64) for attribute in CLASSES
    }
    distributions = {attribute: np.zeros((len(known), head_size(attribute)), np.float32) for attribute in Attribute}
    for attribute, labels in classes.items():
        labelled = np.flatnonzero(labels != NO_CLASS)
        distributions[attribute][labelled, labels[labelled]] = 1
    for i in np.flatnonzero(~np.isnan(values[Attribute.AGE])):
        distributions[Attribute.AGE][i] = age_distribution(float(values[Attribute.AGE][i]))
    for i in np.flatnonzero(~np.isnan(values[Attribute.BEAUTY])):
        distributions[Attribute.BEAUTY][i] = beauty_distribution(known[i])
    age_bands = np.array([age_band(row) for row in table_rows], dtype=np.int64)
    for i in np.flatnonzero((age_bands != NO_CLASS) & np.isnan(values[Attribute.AGE])):
        distributions[Attribute.AGE][i] = years_of_band(int(age_bands[i]))
    return Labels(
        classes,
        values,
        distributions,
        votes=np.array([row.get("votes") or [0] * _COUNTS for row in table_rows], dtype=np.float32),
        majorities=np.array([find_majority_expression(row) for row in table_rows], dtype=np.int64),
        age_bands=age_bands,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
