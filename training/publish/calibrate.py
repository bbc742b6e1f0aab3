"""Calibrates the net's outputs on ``val``, cross-validates the calibration there, and writes the manifest.

``python -m training.publish.calibrate --data DIR``, after ``training.publish.export attributes``. The published values
are fitted on all rows of ``val``; their measures come from five folds, each scored on the fifth left out of its fit.
"""

import argparse
import json
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
from training.publish.export import published, write_manifest

# The set that each attribute is calibrated on.
TABLES = {
    Attribute.AGE: "utkface",
    Attribute.GENDER: "utkface",
    Attribute.RACE: "utkface",
    Attribute.EXPRESSION: "fer2013",
    Attribute.BEAUTY: "mebeauty",
}
# Share of the logit adjustment that raises an attribute's rare classes: in UTKFace 8 % have the race `others`, 42 %
# white. This share costs no accuracy; one fitted per fold costs up to a percentage point; expressions gain nothing.
RAISED = {Attribute.RACE: 0.2}
COVERAGE = 0.85
FOLDS = 5
_TEMPERATURES = (0.05, 20.0)

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    engine = get_engine(EngineConfig(weights_dir=arguments.weights_dir))
    predictions = {name: predict(engine, arguments.data / f"{name}.parquet", "val") for name in set(TABLES.values())}
    calibration: dict[str, Any] = {"coverage": COVERAGE, "bias": {}, "temperature": {}, "widening": {}, "checked": {}}
    for attribute, table in TABLES.items():
        fitted, checked = calibrate(attribute, predictions[table])
        for name, value in fitted.items():
            calibration[name][attribute.value] = value
        calibration["checked"][attribute.value] = {name: round(value, 4) for name, value in checked.items()}
        print(attribute, fitted, calibration["checked"][attribute.value])
    path = arguments.weights_dir / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    published(manifest)["calibration"] = calibration
    write_manifest(path, manifest)


def calibrate(attribute: Attribute, predictions: Predictions) -> tuple[dict[str, Any], dict[str, float]]:
    """Fits ``bias`` and ``temperature``, or ``widening``, on all rows; returns them and their measures across folds."""
    labels = predictions.labels
    known = labels.known(attribute)
    logits = predictions.logits[attribute][known]
    if attribute in CLASSES:
        return _calibrate_classes(logits, labels.classes[attribute][known], RAISED.get(attribute, 0))
    return _calibrate_interval(softmax(logits), labels.values[attribute][known], BINS[attribute])


def _folds(n: int) -> list[npt.NDArray[np.bool_]]:
    """The rows that each fold leaves out."""
    at = np.arange(n) % FOLDS
    return [at == fold for fold in range(FOLDS)]


def _calibrate_classes(
    logits: npt.NDArray[np.float32], true: Ints, share: float
) -> tuple[dict[str, Any], dict[str, float]]:
    def fit(rows: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float32], np.float32]:
        bias = fit_bias(true[rows], logits.shape[1], share)
        return bias, np.float32(fit_temperature(logits[rows] + bias, true[rows]))

    probabilities = np.empty_like(logits)
    for held_out in _folds(len(true)):
        bias, temperature = fit(~held_out)
        probabilities[held_out] = softmax((logits[held_out] + bias) / temperature)
    plain = softmax(logits)
    bias, temperature = fit(np.ones(len(true), dtype=bool))
    fitted = {"bias": [round(float(value), 4) for value in bias], "temperature": round(float(temperature), 4)}
    return fitted, {
        "ece_before": expected_calibration_error(plain, true),
        "ece": expected_calibration_error(probabilities, true),
        "accuracy_before": accuracy(plain.argmax(axis=1), true),
        "accuracy": accuracy(probabilities.argmax(axis=1), true),
        "balanced_accuracy_before": balanced_accuracy(plain.argmax(axis=1), true),
        "balanced_accuracy": balanced_accuracy(probabilities.argmax(axis=1), true),
    }


def fit_bias(true: Ints, classes: int, share: float) -> npt.NDArray[np.float32]:
    """``share`` of ``-log prior`` (Menon et al. 2021), float32 ``(classes,)`` with mean 0."""
    adjustment = -np.log(np.bincount(true, minlength=classes) / len(true) + 1e-6)
    return np.asarray(share * (adjustment - adjustment.mean()), dtype=np.float32)


def fit_temperature(logits: Floats, true: Ints) -> float:
    """The temperature at which mean confidence equals accuracy (Clarté et al. 2023).

    The temperature of least log loss left races and expressions clearly overconfident.
    """
    right = accuracy(logits.argmax(axis=1), true)

    def measure_overconfidence(temperature: float) -> float:
        probabilities = softmax(np.asarray(logits / temperature, dtype=np.float32))
        return float(probabilities.max(axis=1).mean()) - right

    return float(brentq(measure_overconfidence, *_TEMPERATURES))


def _calibrate_interval(probabilities: Floats, true: Floats, bins: Floats) -> tuple[dict[str, Any], dict[str, float]]:
    low, high = np.empty_like(true), np.empty_like(true)
    for held_out in _folds(len(true)):
        widening = fit_widening(probabilities[~held_out], true[~held_out], bins)
        _, low[held_out], high[held_out] = estimate(probabilities[held_out], bins, COVERAGE, widening)
    fitted = {"widening": round(fit_widening(probabilities, true, bins), 4)}
    return fitted, {
        "coverage": float(((true >= low) & (true <= high)).mean()),
        "mean_width": float((high - low).mean()),
    }


def fit_widening(probabilities: Floats, true: Floats, bins: Floats) -> float:
    """How far an interval must extend past its quantiles at both ends to cover COVERAGE of the rows.

    Conformalised quantiles (Romano et al. 2019); negative if the quantiles are too wide.
    """
    tail = (1 - COVERAGE) / 2
    low, high = quantile(probabilities, bins, tail), quantile(probabilities, bins, 1 - tail)
    missed_by = np.maximum(low - true, true - high)
    level = min(np.ceil((len(missed_by) + 1) * COVERAGE) / len(missed_by), 1.0)
    return float(np.quantile(missed_by, level, method="higher"))


if __name__ == "__main__":
    main()
