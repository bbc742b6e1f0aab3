"""What a cosine of two vectors is worth: the odds that both are of one person, and thresholds by false match rate.

All numbers depend on the model and on the kind of pictures, so they travel with the model's weights, and an operator
can fit them again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

FALSE_MATCH_RATES: Final = (1e-3, 1e-4, 1e-5, 1e-6)
DEFAULT_RATE: Final = 1e-4
# No threshold is higher: beyond it only copies of one picture would match.
_HIGHEST: Final = 0.95
# The log-odds of a million to one: no rarer error was measured, so no face is more certain.
_SUREST: Final = math.log(1e6)


@dataclass(frozen=True, slots=True)
class Odds:
    """``thresholds`` has the cosine that only a share of pairs of different people exceeds, by that share, which falls
    from entry to entry. ``curve`` has the coefficients of the log-odds at equal priors, a parabola in the cosine:
    genuine and impostor cosines are close to two normal distributions of different spread."""

    thresholds: Mapping[float, float]
    curve: tuple[float, float, float]

    def threshold(self, false_match_rate: float, people: int = 1) -> float:
        """The cosine above which two faces count as one person.

        With ``people`` enrolled, a search compares with each of them; each may then match falsely only with a share of
        the rate. Between and beyond the measured rates the threshold is linear in the rate's logarithm.
        """
        wanted = math.log10(false_match_rate / max(people, 1))
        points = [(math.log10(rate), cosine) for rate, cosine in sorted(self.thresholds.items(), reverse=True)]
        (left, low), (right, high) = next(
            (pair for pair in pairwise(points) if pair[1][0] <= wanted), (points[-2], points[-1])
        )
        return min(low + (wanted - left) / (right - left) * (high - low), _HIGHEST)

    def probability(self, cosine: float, prior: float = 0.5) -> float:
        """The probability that both faces are of one person, if it was ``prior`` before anyone looked."""
        constant, slope, bend = self.curve
        # Past its lowest or highest point the parabola would turn.
        turn = -slope / (2 * bend) if bend else cosine
        at = max(cosine, turn) if bend > 0 else min(cosine, turn)
        evidence = max(min(constant + slope * at + bend * at**2, _SUREST), -_SUREST)
        return 1 / (1 + math.exp(-evidence - math.log(prior / (1 - prior))))


def read_odds(value: Mapping[str, Any]) -> Odds:
    """From JSON: ``{"thresholds": {"1e-3": cosine, …}, "curve": [a, b, c]}``. Raises ValueError if it is not that."""
    try:
        thresholds = {float(rate): float(cosine) for rate, cosine in value["thresholds"].items()}
        constant, slope, bend = (float(number) for number in value["curve"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"odds have thresholds by rate and a curve of three numbers: {error!r}") from None
    cosines = [thresholds[rate] for rate in sorted(thresholds, reverse=True)]
    if len(cosines) < 2 or not all(0 < rate < 1 for rate in thresholds) or cosines != sorted(cosines):
        raise ValueError("thresholds must be of two rates or more between 0 and 1, and rise as the rate falls")
    if not all(map(math.isfinite, (*cosines, constant, slope, bend))) or (bend == 0 and slope <= 0):
        raise ValueError("the curve must be finite and rise")
    return Odds(thresholds, (constant, slope, bend))
