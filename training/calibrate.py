"""Fits temperatures and interval widths on one half of ``val`` and measures them on the other; writes the manifest.

``python -m training.calibrate --data DIR``, after ``training.export attributes``.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from cv.engine.attributes import estimate, quantile, softmax
from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.runtime import get_engine
from cv.engine.weights import MANIFEST
from training.evaluate import Predictions, predict
from training.export import write_manifest
from training.labels import NO_CLASS
from training.metrics import expected_calibration_error

# The set that each attribute is calibrated on.
TABLES = {
    Attribute.AGE: "utkface",
    Attribute.GENDER: "utkface",
    Attribute.RACE: "utkface",
    Attribute.EXPRESSION: "fer2013",
    Attribute.BEAUTY: "mebeauty",
}
COVERAGE = 0.85

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    engine = get_engine(EngineConfig(weights_dir=arguments.weights_dir))
    predictions = {
        name: predict(engine, arguments.data / f"{name}.parquet", "val", None) for name in set(TABLES.values())
    }
    calibration: dict[str, Any] = {"coverage": COVERAGE, "temperature": {}, "widening": {}, "checked": {}}
    for attribute, table in TABLES.items():
        fit = _fit_classes if attribute in CLASSES else _fit_interval
        key = "temperature" if attribute in CLASSES else "widening"
        calibration[key][attribute.value], calibration["checked"][attribute.value] = fit(attribute, predictions[table])
        print(attribute, calibration[key][attribute.value], calibration["checked"][attribute.value])
    path = arguments.weights_dir / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["attributes"]["calibration"] = calibration
    write_manifest(path, manifest)


def _fit_classes(attribute: Attribute, predictions: Predictions) -> tuple[float, dict[str, float]]:
    """The temperature of least log loss on the even rows, and the calibration error on the odd ones."""
    true = predictions.labels.classes[attribute]
    known = true != NO_CLASS
    logits, true = predictions.logits[attribute][known], true[known]
    temperature = float(minimize_scalar(_log_loss, (0.3, 5.0), args=(logits[::2], true[::2])).x)
    checked = {
        "ece_before": expected_calibration_error(softmax(logits[1::2]), true[1::2]),
        "ece": expected_calibration_error(softmax(logits[1::2] / np.float32(temperature)), true[1::2]),
    }
    return round(temperature, 4), {name: round(value, 4) for name, value in checked.items()}


def _log_loss(temperature: float, logits: Floats, true: Ints) -> float:
    probabilities = softmax(np.asarray(logits / temperature, dtype=np.float32))
    return float(-np.log(probabilities[np.arange(len(true)), true] + 1e-12).mean())


def _fit_interval(attribute: Attribute, predictions: Predictions) -> tuple[float, dict[str, float]]:
    """Conformalised quantiles (Romano et al. 2019): how much wider the interval must be on the even rows to hold
    the stated share, and the share that it holds of the odd ones."""
    true = predictions.labels.values[attribute]
    known = ~np.isnan(true)
    probabilities, true = softmax(predictions.logits[attribute][known]), true[known]
    bins, tail = BINS[attribute], (1 - COVERAGE) / 2
    low, high = quantile(probabilities[::2], bins, tail), quantile(probabilities[::2], bins, 1 - tail)
    missed_by = np.maximum(low - true[::2], true[::2] - high)
    level = min(np.ceil((len(missed_by) + 1) * COVERAGE) / len(missed_by), 1.0)
    widening = float(np.quantile(missed_by, level, method="higher"))
    _, low, high = estimate(probabilities[1::2], bins, COVERAGE, widening)
    checked = {
        "coverage": float(((true[1::2] >= low) & (true[1::2] <= high)).mean()),
        "mean_width": float((high - low).mean()),
    }
    return round(widening, 4), {name: round(value, 4) for name, value in checked.items()}


if __name__ == "__main__":
    main()
