"""The measures that models are compared by. All take NumPy arrays ``(N,)`` and give plain floats."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]


def accuracy(predicted: Ints, true: Ints) -> float:
    return float((predicted == true).mean())


def balanced_accuracy(predicted: Ints, true: Ints) -> float:
    """The mean of the recalls of the classes that occur."""
    return float(np.mean([(predicted[true == c] == c).mean() for c in np.unique(true)]))


def mean_absolute_error(predicted: Floats, true: Floats) -> float:
    return float(np.abs(predicted - true).mean())


def pearson(predicted: Floats, true: Floats) -> float:
    """Linear correlation; NaN where one side does not vary."""
    if len(true) < 2 or predicted.std() == 0 or true.std() == 0:
        return float("nan")
    return float(np.corrcoef(predicted, true)[0, 1])


def expected_calibration_error(probabilities: Floats, true: Ints, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence (Guo et al. 2017).

    probabilities: ``(N, C)``, rows sum to 1.
    """
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[at == b].mean() - hit[at == b].mean()) * (at == b).mean() for b in np.unique(at)]
    return float(np.sum(gaps))
