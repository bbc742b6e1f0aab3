"""Calibrates the net's outputs on ``val``, cross-validates the calibration there, and writes the manifest.

``python -m training.publish.calibrate --data DIR``, after ``training.publish.export attributes``. The published values
are fitted on all rows of ``val``, where each set of an attribute counts as much as the others; their measures come from
five folds, each scored on the fifth left out of its fit.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.fields import MANIFEST
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.readers.attributes import estimate, quantile, softmax
from cv.engine.runtime import get_engine
from training.measure.evaluation import Predictions, predict
from training.measure.metrics import accuracy, balanced_accuracy, expected_calibration_error
from training.publish.export import find_entry, write_manifest

# The sets that each attribute is calibrated on. One alone made answers too sure of the others' faces.
TABLES = {
    Attribute.AGE: ("utkface", "allage"),
    Attribute.GENDER: ("utkface", "fairface", "allage"),
    Attribute.RACE: ("utkface", "fairface"),
    Attribute.EXPRESSION: ("fer2013", "rafdb", "facial_expressions"),
    Attribute.BEAUTY: ("mebeauty",),
}
# Share of the logit adjustment that raises the rare classes of an attribute's first set: in UTKFace 8 % have the race
# `others`, 42 % white. This share costs no accuracy; one fitted per fold costs up to a percentage point; expressions
# gain nothing.
RAISED = {Attribute.RACE: 0.2}
COVERAGE = 0.85
FOLDS = 5
_TEMPERATURES = (0.05, 20.0)

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
    arguments = parser.parse_args()
    engine = get_engine(EngineConfig(weights_dir=arguments.weights_dir))
    names = dict.fromkeys(name for tables in TABLES.values() for name in tables)
    predictions = {name: predict(engine, arguments.data / f"{name}.parquet", "val") for name in names}
    calibration = calibrate_all(predictions)
    print(json.dumps(calibration, indent=1))
    path = arguments.weights_dir / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    find_entry(manifest)["calibration"] = calibration
    write_manifest(path, manifest)


def calibrate_all(predictions: Mapping[str, Predictions]) -> dict[str, Any]:
    """The manifest's entry: what is fitted for each attribute, and ``checked``, its measures by attribute and set."""
    calibration: dict[str, Any] = {"coverage": COVERAGE, "bias": {}, "temperature": {}, "widening": {}, "checked": {}}
    for attribute, tables in TABLES.items():
        fitted, checked = calibrate(attribute, {name: predictions[name] for name in tables})
        for name, value in fitted.items():
            calibration[name][attribute.value] = value
        calibration["checked"][attribute.value] = {
            table: {name: round(value, 4) for name, value in measures.items()} for table, measures in checked.items()
        }
    return calibration


def calibrate(attribute: Attribute, predictions: Mapping[str, Predictions]) -> tuple[Fitted, dict[str, Measures]]:
    """What is fitted on all rows (``bias`` and ``temperature``, or ``widening``), and its measures by set."""
    known = {name: said.labels.known(attribute) for name, said in predictions.items()}
    logits = np.concatenate([said.logits[attribute][known[name]] for name, said in predictions.items()])
    labels = [
        (said.labels.classes if attribute in CLASSES else said.labels.values)[attribute][known[name]]
        for name, said in predictions.items()
    ]
    table = np.repeat(np.arange(len(labels)), [len(rows) for rows in labels])
    if attribute in CLASSES:
        fitted, measures = _calibrate_classes(logits, np.concatenate(labels), table, RAISED.get(attribute, 0))
    else:
        fitted, measures = _calibrate_interval(softmax(logits), np.concatenate(labels), table, BINS[attribute])
    return fitted, dict(zip(predictions, measures, strict=True))


def weigh_tables(table: Ints) -> Floats:
    """Weights of rows whose table is given by number, ``(N,)``; those of each table sum to 1."""
    return np.asarray(1 / np.bincount(table)[table])


def _folds(n: int) -> list[Bools]:
    """The rows that each fold leaves out."""
    at = np.arange(n) % FOLDS
    return [at == fold for fold in range(FOLDS)]


def _calibrate_classes(
    logits: npt.NDArray[np.float32], true: Ints, table: Ints, share: float
) -> tuple[Fitted, list[Measures]]:
    def fit(rows: Bools) -> tuple[npt.NDArray[np.float32], np.float32]:
        bias = fit_bias(true[rows & (table == 0)], logits.shape[1], share)
        return bias, np.float32(fit_temperature(logits[rows] + bias, true[rows], weigh_tables(table[rows])))

    probabilities = np.empty_like(logits)
    for held_out in _folds(len(true)):
        bias, temperature = fit(~held_out)
        probabilities[held_out] = softmax((logits[held_out] + bias) / temperature)
    plain = softmax(logits)
    bias, temperature = fit(np.ones(len(true), dtype=bool))
    fitted = {"bias": [round(float(value), 4) for value in bias], "temperature": round(float(temperature), 4)}
    return fitted, [
        {
            f"{measure}{when}": score(answers[table == i], true[table == i])
            for measure, score in _CLASS_MEASURES.items()
            for when, answers in (("_before", plain), ("", probabilities))
        }
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


def _calibrate_interval(
    probabilities: Floats, true: Floats, table: Ints, bins: Floats
) -> tuple[Fitted, list[Measures]]:
    low, high = np.empty_like(true), np.empty_like(true)
    for held_out in _folds(len(true)):
        kept = ~held_out
        widening = fit_widening(probabilities[kept], true[kept], bins, weigh_tables(table[kept]))
        _, low[held_out], high[held_out] = estimate(probabilities[held_out], bins, COVERAGE, widening)
    fitted = {"widening": round(fit_widening(probabilities, true, bins, weigh_tables(table)), 4)}
    holds, width = (true >= low) & (true <= high), high - low
    return fitted, [
        {"coverage": float(holds[table == i].mean()), "mean_width": float(width[table == i].mean())}
        for i in range(table.max() + 1)
    ]


def fit_widening(probabilities: Floats, true: Floats, bins: Floats, weights: Floats) -> float:
    """How far an interval must extend past its quantiles at both ends to cover COVERAGE of the rows' weight.

    Conformalised quantiles (Romano et al. 2019); negative if the quantiles are too wide.
    """
    tail = (1 - COVERAGE) / 2
    low, high = quantile(probabilities, bins, tail), quantile(probabilities, bins, 1 - tail)
    missed_by = np.maximum(low - true, true - high)
    level = min(np.ceil((len(missed_by) + 1) * COVERAGE) / len(missed_by), 1.0)
    return float(np.quantile(missed_by, level, method="inverted_cdf", weights=weights))


if __name__ == "__main__":
    main()
