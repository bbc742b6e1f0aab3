"""Scores a model on labelled faces as one JSON object: overall, per group, and the data for charts."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.manifest import CENTRAL, Calibration
from cv.engine.readers.attributes import AttributeReader, estimate
from cv.labelling.intervals import wilson_interval
from training.data.labels import AGE_BANDS, NO_CLASS, Labels, find_age_band
from training.measure.metrics import (
    accuracy,
    balanced_accuracy,
    bootstrap_interval,
    chance_calibration_error,
    confusion,
    expected_calibration_error,
    mean_absolute_error,
    pearson,
    reliability,
)

_SMALLEST_GROUP = 10
# Resampling fewer faces says nothing about other faces.
_SMALLEST_RESAMPLED = 3

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def report(
    labels: Labels,
    logits: Mapping[Attribute, Floats],
    traits: Floats,
    quality: Floats,
    reader: AttributeReader,
    limits: Mapping[Attribute, float],
    least_quality: float,
) -> dict[str, Any]:
    """Scores N labelled faces. logits: float32 ``(N, head_size)`` each; traits: float32 ``(N, len(TRAITS))``; quality:
    float32 ``(N,)`` or NaN.

    ``intervals`` are 95 % confidence intervals (Wilson for shares, bootstrap for the rest, of three faces or more).
    ``abstained`` is the share of answers that are too uncertain to use: a probability below the attribute's limit, an
    interval wider than it, or a quality below ``least_quality``. Groups of fewer than ten faces are left out of the
    crossed groups.
    """
    scorer = _Scorer(labels, reader.probabilities(logits, traits), reader.calibration, limits, quality < least_quality)
    everyone = np.ones(len(labels.values[Attribute.AGE]), dtype=bool)
    single = _groups(labels)
    crossed = {
        f"{gender}, {race}, {band}": a & b & c
        for gender, a in single["gender"].items()
        for race, b in single["race"].items()
        for band, c in single["age"].items()
        if (a & b & c).sum() >= _SMALLEST_GROUP
    }
    return {
        **scorer.scores(everyone),
        "abstained": scorer.abstained(everyone),
        "intervals": scorer.intervals(everyone),
        "groups": {
            name: {
                group: {"n": int(members.sum())}
                | scorer.scores(members)
                | {"abstained": scorer.abstained(members), "intervals": scorer.intervals(members)}
                for group, members in groups.items()
                if members.any()
            }
            for name, groups in (single | {"gender, race, age": crossed}).items()
        },
        "details": scorer.details(),
        "quality": [
            {"from": round(low, 4), "to": round(high, 4), "n": int(members.sum())} | scorer.scores(members)
            for low, high, members in _fifths(quality)
        ],
    }


class _Scorer:
    """Scores any subset of the faces."""

    def __init__(
        self,
        labels: Labels,
        described: dict[Attribute, Floats],
        calibration: Calibration,
        limits: Mapping[Attribute, float],
        poor: Bools,
    ) -> None:
        self.labels, self.described = labels, described
        self.classes = {name: shares.argmax(axis=1) for name, shares in described.items() if name in CLASSES}
        self.estimates = {
            name: estimate(shares, BINS[name], calibration.levels.get(name, CENTRAL))
            for name, shares in described.items()
            if name in BINS
        }
        self.unsure = {
            attribute: poor | (probabilities.max(axis=1).astype(float) < limits[attribute])
            for attribute, probabilities in described.items()
            if attribute in CLASSES
        } | {
            attribute: poor | (high.astype(float) > low.astype(float) + limits[attribute])
            for attribute, (_, low, high) in self.estimates.items()
        }

    def scores(self, members: Bools) -> dict[str, float]:
        scores: dict[str, float] = {}
        for attribute in self.described:
            known = members & self.labels.known(attribute)
            if known.any():
                scores |= (
                    self._of_classes(attribute, known) if attribute in CLASSES else self._of_values(attribute, known)
                )
        scores |= self._of_majorities(members) | self._of_bands(members)
        return {name: round(value, 4) for name, value in scores.items() if not np.isnan(value)}

    def abstained(self, members: Bools) -> dict[str, float]:
        """The share of answers that are too uncertain to use, over all faces, labelled or not."""
        return {name.value: round(float(self.unsure[name][members].mean()), 4) for name in self.described}

    def _of_majorities(self, members: Bools) -> dict[str, float]:
        known = members & (self.labels.majorities != NO_CLASS)
        if Attribute.EXPRESSION not in self.classes or not known.any():
            return {}
        predicted, true = self.classes[Attribute.EXPRESSION][known], self.labels.majorities[known]
        return {"expression_majority_accuracy": accuracy(predicted, true)}

    def _of_bands(self, members: Bools) -> dict[str, float]:
        known = members & (self.labels.age_bands != NO_CLASS)
        if not known.any():
            return {}
        off = np.abs(find_age_band(self.estimates[Attribute.AGE][0][known]) - self.labels.age_bands[known])
        return {"age_band_accuracy": float((off == 0).mean()), "age_band_off_by_one": float((off <= 1).mean())}

    def _of_classes(self, attribute: Attribute, known: Bools) -> dict[str, float]:
        predicted, true = self.classes[attribute][known], self.labels.classes[attribute][known]
        return {
            f"{attribute}_accuracy": accuracy(predicted, true),
            f"{attribute}_balanced_accuracy": balanced_accuracy(predicted, true),
            f"{attribute}_ece": expected_calibration_error(self.described[attribute][known], true),
        }

    def _of_values(self, attribute: Attribute, known: Bools) -> dict[str, float]:
        values, low, high = (part[known] for part in self.estimates[attribute])
        true = self.labels.values[attribute][known]
        scores = {
            f"{attribute}_mae": mean_absolute_error(values, true),
            f"{attribute}_interval_coverage": float(((true >= low) & (true <= high)).mean()),
        }
        if attribute is Attribute.BEAUTY:
            scores[f"{attribute}_pearson"] = pearson(values, true)
        return scores

    def intervals(self, members: Bools) -> dict[str, tuple[float, float]]:
        found: dict[str, tuple[float, float]] = {}
        for attribute in self.described:
            known = members & self.labels.known(attribute)
            if not known.any():
                continue
            if attribute in CLASSES:
                hits = self.classes[attribute][known] == self.labels.classes[attribute][known]
                found[f"{attribute}_accuracy"] = wilson_interval(int(hits.sum()), len(hits))
                continue
            values, true = self.estimates[attribute][0][known], self.labels.values[attribute][known]
            if len(true) < _SMALLEST_RESAMPLED:
                continue
            measures: dict[str, Callable[..., float]] = {"mae": mean_absolute_error}
            if attribute is Attribute.BEAUTY:
                measures["pearson"] = pearson
            for name, measure in measures.items():
                if not np.isnan(measure(values, true)):
                    found[f"{attribute}_{name}"] = bootstrap_interval(measure, values, true)
        return {name: (round(low, 4), round(high, 4)) for name, (low, high) in found.items()}

    def details(self) -> dict[str, Any]:
        """Confusion matrices (rows are the truth), and what the calibration errors are made of."""
        return {
            attribute.value: {
                "labels": list(classes),
                "confusion": confusion(
                    self.classes[attribute][known], self.labels.classes[attribute][known], len(classes)
                ).tolist(),
                "ece_by_chance": round(chance_calibration_error(self.described[attribute][known]), 4),
                "reliability": reliability(self.described[attribute][known], self.labels.classes[attribute][known]),
            }
            for attribute, classes in CLASSES.items()
            if attribute in self.classes and (known := self.labels.known(attribute)).any()
        }


def _fifths(quality: Floats) -> list[tuple[float, float, Bools]]:
    """The faces found, by quality in five groups of about equal size, worst first."""
    if np.isnan(quality).all():
        return []
    edges = np.unique(np.nanquantile(quality, np.linspace(0, 1, 6)))
    at = np.clip(np.searchsorted(edges, quality, side="right") - 1, 0, max(len(edges) - 2, 0))
    return [
        (float(edges[i]), float(edges[min(i + 1, len(edges) - 1)]), members)
        for i in range(max(len(edges) - 1, 1))
        if (members := (at == i) & ~np.isnan(quality)).any()
    ]


def _groups(labels: Labels) -> dict[str, dict[str, Bools]]:
    ages = labels.values[Attribute.AGE]
    bands = np.where(np.isnan(ages), labels.age_bands, find_age_band(ages))
    groups = {
        attribute.value: {label: labels.classes[attribute] == i for i, label in enumerate(CLASSES[attribute])}
        for attribute in (Attribute.GENDER, Attribute.RACE)
    }
    oldest = len(AGE_BANDS) - 1
    groups["age"] = {
        f"{low}-{high}" if i < oldest else f"{low}+": bands == i for i, (low, high) in enumerate(AGE_BANDS)
    }
    return groups
