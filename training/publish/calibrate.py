"""Calibrates the net's outputs on ``val``, cross-validates the calibration there, and writes the manifest.

``python -m training.publish.calibrate --data DIR``, after ``training.publish.export attributes``. The published values
are fitted on all rows of ``val``, where each set of an attribute counts as much as the others; their measures come from
five folds, each scored on the fifth left out of its fit.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize

from cv.engine.config import WEIGHTS_DIR, EngineConfig, Pack
from cv.engine.fields import MANIFEST
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.manifest import Calibration, Levels
from cv.engine.readers.attributes import calibrated, estimate, softmax
from cv.engine.runtime import get_engine
from cv.engine.traits import TRAITS
from training.data.labels import AGE_BANDS, NO_CLASS, Labels, find_age_band
from training.data.served_faces import FaceCache
from training.measure.evaluation import Predictions, predict
from training.measure.metrics import (
    accuracy,
    balanced_accuracy,
    chance_calibration_error,
    expected_calibration_error,
)
from training.publish.export import find_entry, write_manifest

# The sets that each attribute of a pack is calibrated on. One alone made answers too sure of the others' faces, but no
# other may be used for the open pack.
TABLES: dict[Pack, dict[Attribute, tuple[str, ...]]] = {
    Pack.RESEARCH: {
        Attribute.AGE: ("utkface", "allage"),
        Attribute.GENDER: ("utkface", "fairface", "allage"),
        Attribute.RACE: ("utkface", "fairface"),
        Attribute.EXPRESSION: ("fer2013", "rafdb", "facial_expressions"),
        Attribute.BEAUTY: ("mebeauty", "scut"),
    },
    Pack.OPEN: dict.fromkeys((Attribute.AGE, Attribute.GENDER, Attribute.RACE), ("fairface",)),
}
# Share of the logit adjustment that raises the rare classes of an attribute's first set: in UTKFace 8 % have the race
# `others`, 42 % white. This share costs half a point there and none in FairFace; expressions gain nothing.
RAISED = {Attribute.RACE: 0.3}
# Attributes whose temperature follows the traits of the face. FER2013's are small and grey, and its labels are often
# wrong: one temperature for all made answers too sure there, and not sure enough on clear photos.
SLOPED = frozenset({Attribute.EXPRESSION})
# Values at which levels are fitted, and how far the faces reach that count there (a standard deviation). Beauty has one
# level for all: its net is too unsure for more.
KNOTS = {
    Attribute.AGE: (
        0.0,
        2.0,
        4.0,
        7.0,
        10.0,
        13.0,
        16.0,
        19.0,
        22.0,
        26.0,
        30.0,
        35.0,
        40.0,
        50.0,
        60.0,
        70.0,
        80.0,
        90.0,
    ),
    Attribute.BEAUTY: (5.5,),
}
_REACH: dict[Attribute, Callable[[float], float]] = {
    Attribute.AGE: lambda years: 1 + 0.08 * years,
    Attribute.BEAUTY: lambda points: 100.0,
}
COVERAGE = 0.85
FOLDS = 5
_TEMPERATURES = (0.05, 20.0)
_RESTRAINT = 0.003
_SEED = 20261129
# Of those above seventy most are not much older.
_OLDEST = 84
# More than there are bands of age; and the number of faces with which a band of a set has half of its full weight.
_MANY, _FEW = 100, 20

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
# Values by name, and measures by name.
Fitted = dict[str, Any]
Measures = dict[str, float]

# Of probabilities ``(N, C)`` and classes ``(N,)``.
_CLASS_MEASURES: dict[str, Callable[[Floats, Ints], float]] = {
    "ece": expected_calibration_error,
    "accuracy": lambda probabilities, true: accuracy(probabilities.argmax(axis=1), true),
    "balanced_accuracy": lambda probabilities, true: balanced_accuracy(probabilities.argmax(axis=1), true),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    parser.add_argument("--pack", type=Pack, choices=list(Pack), default=Pack.RESEARCH)
    parser.add_argument("--cache", type=Path, help="folder that keeps the faces found, for the next weights")
    parser.add_argument("--limit", type=int, help="a sample of N rows of each table, always the same ones")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    folder = arguments.pack.folder(arguments.weights_dir)
    config = EngineConfig(weights_dir=folder, threads=arguments.threads)
    engine = get_engine(config)
    cache = FaceCache(arguments.cache, config) if arguments.cache else None
    names = dict.fromkeys(name for tables in TABLES[arguments.pack].values() for name in tables)
    predictions = {
        name: predict(engine, arguments.data / f"{name}.parquet", "val", arguments.limit, cache=cache) for name in names
    }
    calibration = calibrate_all(predictions, TABLES[arguments.pack])
    print(json.dumps(calibration, indent=1))
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    find_entry(manifest)["calibration"] = calibration
    write_manifest(path, manifest)


def calibrate_all(predictions: Mapping[str, Predictions], sets: Mapping[Attribute, tuple[str, ...]]) -> dict[str, Any]:
    """The manifest's entry: what is fitted for each attribute on its ``sets``, and ``checked``, its measures by
    attribute and set."""
    calibration: dict[str, Any] = {
        "coverage": COVERAGE,
        "bias": {},
        "temperature": {},
        "slopes": {},
        "levels": {},
        "checked": {},
    }
    for attribute, tables in sets.items():
        fitted, checked = calibrate(attribute, {name: predictions[name] for name in tables})
        for name, value in fitted.items():
            calibration[name][attribute.value] = value
        calibration["checked"][attribute.value] = {
            table: {name: round(value, 4) for name, value in measures.items()} for table, measures in checked.items()
        }
    return calibration


def calibrate(attribute: Attribute, predictions: Mapping[str, Predictions]) -> tuple[Fitted, dict[str, Measures]]:
    """What is fitted on all rows (``bias``, ``temperature`` and perhaps ``slopes``, or ``levels``), and its measures by
    set."""
    true = {name: known_values(said.labels, attribute) for name, said in predictions.items()}
    known = {name: values != NO_CLASS if attribute in CLASSES else ~np.isnan(values) for name, values in true.items()}
    logits = np.concatenate([said.logits[attribute][known[name]] for name, said in predictions.items()])
    traits = np.concatenate([said.traits[known[name]] for name, said in predictions.items()])
    labels = [values[known[name]] for name, values in true.items()]
    table = np.repeat(np.arange(len(labels)), [len(rows) for rows in labels])
    if attribute in CLASSES:
        fitted, measures = _calibrate_classes(attribute, logits, traits, np.concatenate(labels), table)
    else:
        fitted, measures = _calibrate_interval(attribute, softmax(logits), np.concatenate(labels), table)
    return fitted, dict(zip(predictions, measures, strict=True))


def known_values(labels: Labels, attribute: Attribute) -> Any:
    """The classes or values ``(N,)``, NO_CLASS or NaN if unknown.

    If only the band of an age is known, a year drawn evenly from it, always the same one: with an end of the band,
    intervals would be fitted to ages that hardly any face has.
    """
    if attribute in CLASSES:
        return labels.classes[attribute]
    values = labels.values[attribute]
    if attribute is not Attribute.AGE:
        return values
    low, high = np.array([*AGE_BANDS, (np.nan, np.nan)]).T[:, labels.age_bands]
    drawn = low + np.random.default_rng(_SEED).random(len(values)) * (np.minimum(high, _OLDEST) + 1 - low)
    return np.where(np.isnan(values), drawn.astype(np.float32), values)


def weigh_tables(table: Ints) -> Floats:
    """Weights of rows whose table is given by number, ``(N,)``; those of each table sum to 1."""
    return np.asarray(1 / np.bincount(table)[table])


def _folds(n: int) -> list[Bools]:
    """The rows that each fold leaves out."""
    at = np.arange(n) % FOLDS
    return [at == fold for fold in range(FOLDS)]


def _calibrate_classes(
    attribute: Attribute, logits: npt.NDArray[np.float32], traits: npt.NDArray[np.float32], true: Ints, table: Ints
) -> tuple[Fitted, list[Measures]]:
    def fit(rows: Bools) -> Calibration:
        bias = fit_bias(true[rows & (table == 0)], logits.shape[1], RAISED.get(attribute, 0))
        raised, weights = logits[rows] + bias, weigh_tables(table[rows])
        temperature, slopes = (
            fit_slopes(raised, traits[rows], true[rows], weights)
            if attribute in SLOPED
            else (fit_temperature(raised, true[rows], weights), (0.0,) * len(TRAITS))
        )
        return Calibration(
            {attribute: tuple(bias.tolist())}, {attribute: temperature}, {attribute: slopes}, {}, coverage=0
        )

    probabilities = np.empty_like(logits)
    for held_out in _folds(len(true)):
        found = fit(~held_out)
        probabilities[held_out] = calibrated(logits[held_out], traits[held_out], found, attribute)
    plain = softmax(logits)
    found = fit(np.ones(len(true), dtype=bool))
    fitted: Fitted = {
        "bias": [round(value, 4) for value in found.bias[attribute]],
        "temperature": round(found.temperature[attribute], 4),
    }
    if attribute in SLOPED:
        fitted["slopes"] = dict(zip(TRAITS, (round(slope, 4) for slope in found.slopes[attribute]), strict=True))
    return fitted, [
        {
            f"{measure}{when}": score(answers[table == i], true[table == i])
            for measure, score in _CLASS_MEASURES.items()
            for when, answers in (("_before", plain), ("", probabilities))
        }
        | {"ece_by_chance": chance_calibration_error(probabilities[table == i])}
        for i in range(table.max() + 1)
    ]


def fit_bias(true: Ints, classes: int, share: float) -> npt.NDArray[np.float32]:
    """``share`` of ``-log prior`` (Menon et al. 2021), float32 ``(classes,)`` with mean 0."""
    adjustment = -np.log(np.bincount(true, minlength=classes) / len(true) + 1e-6)
    return np.asarray(share * (adjustment - adjustment.mean()), dtype=np.float32)


def fit_temperature(logits: Floats, true: Ints, weights: Floats) -> float:
    """The temperature at which mean confidence equals accuracy, both weighted (Clarté et al. 2023).

    The temperature of least log loss left races and expressions clearly overconfident.
    """
    right = np.average(logits.argmax(axis=1) == true, weights=weights)

    def measure_overconfidence(temperature: float) -> float:
        probabilities = softmax(np.asarray(logits / temperature, dtype=np.float32))
        return float(np.average(probabilities.max(axis=1), weights=weights) - right)

    return float(brentq(measure_overconfidence, *_TEMPERATURES))


def fit_slopes(
    logits: Floats, traits: npt.NDArray[np.float32], true: Ints, weights: Floats
) -> tuple[float, tuple[float, ...]]:
    """The temperature and the slopes of the traits with which confidence predicts best whether an answer is right.

    Least weighted log loss of the likeliest class alone, held back a little so that slopes stay small without need.
    """
    right = (logits.argmax(axis=1) == true).astype(np.float32)
    share = weights / weights.sum()

    def measure_loss(parameters: Floats) -> float:
        temperatures = np.exp(parameters[0] + traits @ parameters[1:].astype(np.float32))
        confidence = np.clip(softmax(logits / temperatures[:, None]).max(axis=1), 1e-6, 1 - 1e-6)
        loss = -(right * np.log(confidence) + (1 - right) * np.log(1 - confidence))
        return float(share @ loss) + _RESTRAINT * float((parameters[1:] ** 2).sum())

    found = minimize(measure_loss, np.zeros(1 + traits.shape[1]), method="BFGS", options={"eps": 1e-3, "gtol": 1e-4})
    return float(np.exp(found.x[0])), tuple(found.x[1:].tolist())


def _calibrate_interval(
    attribute: Attribute, probabilities: Floats, true: Floats, table: Ints
) -> tuple[Fitted, list[Measures]]:
    bins = BINS[attribute]
    low, high = np.empty_like(true), np.empty_like(true)
    for held_out in _folds(len(true)):
        levels = fit_levels(attribute, probabilities[~held_out], true[~held_out], table[~held_out])
        _, low[held_out], high[held_out] = estimate(probabilities[held_out], bins, levels)
    levels = fit_levels(attribute, probabilities, true, table)
    holds, width = (true >= low) & (true <= high), high - low
    fitted = {"levels": {name: list(values) for name, values in dataclasses.asdict(levels).items()}}
    return fitted, [
        {"coverage": float(holds[table == i].mean()), "mean_width": float(width[table == i].mean())}
        for i in range(table.max() + 1)
    ]


def fit_levels(attribute: Attribute, probabilities: Floats, true: Floats, table: Ints) -> Levels:
    """The levels between which the label's cumulative share lies for COVERAGE of the faces, around each of KNOTS.

    Label-conditional conformal prediction (Vovk 2012), with faces weighted by how near their label is to the knot: so
    an interval holds as often for the young and the old, whom the net takes for older and younger, as for all others.
    Each set counts as much as the others in each band of ages.
    """
    shares = share_below(probabilities, true, BINS[attribute])
    group = table * _MANY + (find_age_band(true) if attribute is Attribute.AGE else 0)
    weights = 1 / (np.bincount(group)[group] + _FEW)
    knots, reach = KNOTS[attribute], _REACH[attribute]
    tail = (1 - COVERAGE) / 2
    ends = []
    for knot in knots:
        # A face far away has hardly any weight, but some, so that there is always one.
        near = weights * (np.exp(-0.5 * ((true - knot) / reach(knot)) ** 2) + 1e-9)
        ends.append(np.quantile(shares, [tail, 1 - tail], method="inverted_cdf", weights=near))
    low, high = (tuple(round(float(level), 4) for level in column) for column in zip(*ends, strict=True))
    return Levels(knots, low, high)


def share_below(probabilities: Floats, values: Floats, bins: Floats) -> Floats:
    """The share of each distribution ``(N, B)`` below its value ``(N,)``, each bin spread evenly, ``(N,)``."""
    width = float(bins[1] - bins[0])
    position = np.clip((values - bins[0]) / width + 0.5, 0, len(bins))
    at = np.minimum(position.astype(int), len(bins) - 1)
    rows = np.arange(len(values))
    total = probabilities.cumsum(axis=1)
    inside = probabilities[rows, at]
    return np.asarray((total[rows, at] - inside + (position - at) * inside) / total[:, -1])


if __name__ == "__main__":
    main()
