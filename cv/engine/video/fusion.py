"""One answer from the answers of many frames of one person.

Frames of one person are not independent: what a model gets wrong about someone, it gets wrong in every frame. Only what
differs between the frames averages out. How much that is needs no assumption about their number or dependence: for any
values x with the mean m and the truth t, the mean of (x − t)² is (m − t)² plus the variance of the x. So if one frame
is wrong by v on average (squared), their mean is wrong by v less the variance that the frames show, and its interval is
narrowed by that much: a hundred equal frames say as much as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from cv.engine.outputs import Output, Shape
from cv.engine.types import Answer, Category, Estimate, Flags, Vector

# No interval becomes narrower than this share of one frame's.
NARROWEST: Final = 0.6
# A probability below this counts as this, so that one frame cannot rule a label out.
_LEAST: Final = 1e-4
# The coverage of an interval for which none is stated.
_COVERAGE: Final = 0.85


class Fusion(Protocol):
    """The answers of one output so far."""

    def add(self, answer: Any, weight: float) -> None:
        """``answer`` has the output's shape."""

    def fused(self) -> Answer:
        """The common answer. At least one was added."""


def fusion_of(output: Output) -> Fusion:
    """An empty fusion for the output's shape. Raises ValueError for shapes that have none."""
    match output.shape:
        case Shape.CATEGORY:
            return Shares() if output.momentary else Beliefs()
        case Shape.ESTIMATE:
            return Numbers()
        case Shape.FLAGS:
            return Flagged()
        case Shape.VECTOR:
            return Directions() if not output.labels else Means()
    raise ValueError(f"answers of the shape {output.shape} cannot be fused")


@dataclass
class Probabilities:
    """The weighted mean of each probability."""

    total: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, answer: Any, weight: float) -> None:
        self.total += weight
        for label, share in answer.probabilities.items():
            self.sums[label] = self.sums.get(label, 0.0) + weight * share

    def means(self) -> dict[str, float]:
        return {label: share / self.total for label, share in self.sums.items()}


class Shares(Probabilities):
    """Categories that change: the mean is each label's share of the time."""

    def fused(self) -> Answer:
        return _category(self.means())


@dataclass
class Beliefs:
    """Categories that stay: the geometric mean of the probabilities, so that a frame that is unsure says little."""

    total: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, answer: Any, weight: float) -> None:
        self.total += weight
        for label, share in answer.probabilities.items():
            self.sums[label] = self.sums.get(label, 0.0) + weight * math.log(max(share, _LEAST))

    def fused(self) -> Answer:
        shares = {label: math.exp(total / self.total) for label, total in self.sums.items()}
        whole = sum(shares.values())
        return _category({label: share / whole for label, share in shares.items()})


class Flagged(Probabilities):
    def fused(self) -> Answer:
        return Flags(self.means())


@dataclass
class Means:
    """Vectors whose components have names: the mean of each."""

    total: float = 0.0
    sums: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def add(self, answer: Any, weight: float) -> None:
        self.total += weight
        self.sums = self.sums + weight * np.asarray(answer.values)

    def fused(self) -> Answer:
        return Vector(tuple((self.sums / self.total).tolist()))


class Directions(Means):
    """Embeddings: the mean, of length 1."""

    def fused(self) -> Answer:
        return Vector(tuple((self.sums / max(float(np.linalg.norm(self.sums)), 1e-12)).tolist()))


@dataclass
class Numbers:
    """Estimates: the mean, with one frame's interval around it, narrowed by what averaging took away."""

    total: float = 0.0
    values: float = 0.0
    squares: float = 0.0
    below: float = 0.0
    above: float = 0.0
    scale: tuple[float, float] | None = None
    coverage: float | None = None
    has_interval: bool = True

    def add(self, answer: Any, weight: float) -> None:
        self.scale, self.coverage = answer.scale, answer.coverage
        self.total += weight
        self.values += weight * answer.value
        self.squares += weight * answer.value**2
        if answer.interval is None:
            self.has_interval = False
        else:
            self.below += weight * (answer.value - answer.interval[0])
            self.above += weight * (answer.interval[1] - answer.value)

    def fused(self) -> Answer:
        value = self.values / self.total
        if not self.has_interval:
            return Estimate(value, None, self.scale, self.coverage)
        below, above = self.below / self.total, self.above / self.total
        share = self.narrowing((below + above) / 2)
        return Estimate(value, (value - share * below, value + share * above), self.scale, self.coverage)

    def narrowing(self, half_width: float) -> float:
        """The interval's width as a share of one frame's, whose half is ``half_width``."""
        if half_width <= 0:
            return 1.0
        variance = max(0.0, self.squares / self.total - (self.values / self.total) ** 2)
        one = (half_width / NormalDist().inv_cdf((1 + (self.coverage or _COVERAGE)) / 2)) ** 2
        return max(NARROWEST, math.sqrt(max(1 - variance / one, 0.0)))


def _category(shares: dict[str, float]) -> Category:
    return Category(max(shares, key=lambda label: shares[label]), shares)
