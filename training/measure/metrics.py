"""The measures that models are compared by. All take NumPy arrays ``(N,)`` and give plain floats."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

_BINS = 15


def accuracy(predicted: Ints, true: Ints) -> float:
    return float((predicted == true).mean())


def balanced_accuracy(predicted: Ints, true: Ints) -> float:
    """The mean recall over the classes that occur."""
    return float(np.mean([(predicted[true == c] == c).mean() for c in np.unique(true)]))


def mean_absolute_error(predicted: Floats, true: Floats) -> float:
    return float(np.abs(predicted - true).mean())


def pearson(predicted: Floats, true: Floats) -> float:
    """Linear correlation; NaN if one side does not vary."""
    if len(true) < 2 or predicted.std() == 0 or true.std() == 0:
        return float("nan")
    return float(np.corrcoef(predicted, true)[0, 1])


def confusion(predicted: Ints, true: Ints, classes: int) -> Ints:
    """Counts ``(classes, classes)``; rows are the truth."""
    return np.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes)


def reliability(probabilities: Floats, true: Ints, bins: int = _BINS) -> list[dict[str, float]]:
    """Mean confidence and accuracy of the faces in each non-empty bin of confidence; bins have equal width.

    probabilities: ``(N, C)``, rows sum to 1.
    """
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "n": int((at == b).sum()),
            "confidence": round(float(confidence[at == b].mean()), 4),
            "accuracy": round(float(hit[at == b].mean()), 4),
        }
        for b in np.unique(at)
    ]


def expected_calibration_error(probabilities: Floats, true: Ints) -> float:
    """Mean gap between confidence and accuracy over the bins of ``reliability`` (Guo et al. 2017)."""
    bins = reliability(probabilities, true)
    return sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(true)


def chance_calibration_error(probabilities: Floats, rounds: int = 200) -> float:
    """The mean calibration error of as many faces whose answers are right exactly as often as they state.

    Few faces never look calibrated: with 300 in bins of ``reliability``, chance alone makes about 5 %.
    """
    random = np.random.default_rng(0)
    confidence = probabilities.max(axis=1).astype(float)
    at = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    hits = random.random((rounds, len(confidence))) < confidence
    gaps = [np.abs((hits[:, at == b] - confidence[at == b]).sum(axis=1)) for b in np.unique(at)]
    return float(np.sum(gaps, axis=0).mean() / len(confidence))


def bootstrap_interval(
    measure: Callable[[Floats, Floats], float], predicted: Floats, true: Floats, rounds: int = 500
) -> tuple[float, float]:
    """95 % percentile interval over resampled faces, with a fixed seed."""
    random = np.random.default_rng(0)
    values = [measure(predicted[i], true[i]) for i in (random.integers(0, len(true), len(true)) for _ in range(rounds))]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
