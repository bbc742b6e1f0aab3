"""Fits thresholds and odds to labelled vectors: what cosines pairs of one person and of two people have."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cv.engine.odds import FALSE_MATCH_RATES, Odds, read_odds

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# A rate is measured if at least this many pairs of different people lie above its threshold.
FEWEST_BEYOND: Final = 10
FEWEST_GENUINE: Final = 100
_BINS: Final = 15


class TooFewPictures(Exception):
    """Too few pairs to fit anything to."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """``calibration_error`` is the mean gap between probability and truth at equal priors, on the pairs themselves."""

    odds: Odds
    genuine: int
    impostor: int
    measured: tuple[float, ...]
    calibration_error: float


def fit_odds(vectors: Floats, people: npt.NDArray[np.str_]) -> Fitted:
    """``(N, D)`` rows of length 1, and whose each is, ``(N,)``. Raises TooFewPictures.

    Rates that are too small to be measured with so few pairs lie on the line through the smallest two that were.
    """
    upper = np.triu_indices(len(vectors), 1)
    cosines = (vectors @ vectors.T)[upper]
    same = (people[:, None] == people[None])[upper]
    impostors = np.sort(cosines[~same])
    measured = [rate for rate in FALSE_MATCH_RATES if rate * len(impostors) >= FEWEST_BEYOND]
    if len(measured) < 2 or same.sum() < FEWEST_GENUINE:
        raise TooFewPictures(
            f"{int(same.sum())} pairs of one person and {len(impostors)} of two people; it takes "
            f"{FEWEST_GENUINE} and {math.ceil(FEWEST_BEYOND / FALSE_MATCH_RATES[1])}"
        )
    thresholds = {rate: float(impostors[-1 - int(rate * len(impostors))]) for rate in measured}
    curve = fit_curve(cosines, same)
    line = Odds(thresholds, curve)
    every = {str(rate): line.threshold(rate) for rate in FALSE_MATCH_RATES}
    odds = read_odds({"thresholds": every, "curve": curve})
    probabilities = np.array([odds.probability(cosine) for cosine in cosines.tolist()])
    error = calibration_error(probabilities, same)
    return Fitted(odds, int(same.sum()), len(impostors), tuple(measured), error)


def fit_curve(cosines: Floats, same: Bools, rounds: int = 50) -> tuple[float, float, float]:
    """Logistic regression on the cosine and its square by Newton's method; both kinds of pairs weigh the same."""
    powers = np.stack([np.ones_like(cosines), cosines, cosines**2], axis=1)
    weights = _weights(same)
    curve = np.zeros(3)
    for _ in range(rounds):
        probabilities = 1 / (1 + np.exp(-powers @ curve))
        gradient = powers.T @ (weights * (same - probabilities))
        bend = (powers * (weights * probabilities * (1 - probabilities))[:, None]).T @ powers
        step = np.linalg.solve(bend + 1e-9 * np.eye(3), gradient)
        curve += step
        if np.abs(step).max() < 1e-6:
            break
    constant, slope, square = curve.tolist()
    return constant, slope, square


def calibration_error(probabilities: Floats, same: Bools) -> float:
    """Expected calibration error at equal priors, over bins of equal width (Guo et al. 2017)."""
    weights = _weights(same) / 2
    at = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(at, weights=weights * (probabilities - same), minlength=_BINS)
    return float(np.abs(gaps).sum())


def _weights(same: Bools) -> Floats:
    """Each kind of pair sums to 1."""
    return np.asarray(np.where(same, 1 / max(same.sum(), 1), 1 / max((~same).sum(), 1)))
