"""One answer from the answers of many frames of one person.

Frames of one person are not independent: what a model gets wrong about someone, it gets wrong in every frame. Only what
differs from frame to frame averages out. So an interval is narrowed by the variance that the frames themselves show,
and not by their number: a hundred equal frames say as much as one. By the law of total variance, if one frame's error
has the variance v, and the answers of frames that are independent of each other differ by s² around their mean, then
the error of the mean of n is v − s²·(1 − 1/n).
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

# How much of the frames' own variance is taken from one frame's; fitted so that intervals hold as often as stated.
NARROWING: Final = 1.0
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
class Shares:
    """Categories that change: the mean of the probabilities, which is each label's share of the time."""

    total: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, answer: Any, weight: float) -> None:
        self.total += weight
        for label, share in answer.probabilities.items():
            self.sums[label] = self.sums.get(label, 0.0) + weight * share

    def fused(self) -> Answer:
        return _category({label: share / self.total for label, share in self.sums.items()})


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


@dataclass
class Flagged:
    """Flags: the mean of the probabilities."""

    total: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, answer: Any, weight: float) -> None:
        self.total += weight
        for label, share in answer.probabilities.items():
            self.sums[label] = self.sums.get(label, 0.0) + weight * share

    def fused(self) -> Answer:
        return Flags({label: share / self.total for label, share in self.sums.items()})


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

    count: int = 0
    total: float = 0.0
    squared_weights: float = 0.0
    values: float = 0.0
    squares: float = 0.0
    below: float = 0.0
    above: float = 0.0
    # Of successive values: a value that drifts slowly is no new observation in every frame.
    last: float = 0.0
    steps: float = 0.0
    scale: tuple[float, float] | None = None
    coverage: float | None = None
    has_interval: bool = True

    def add(self, answer: Any, weight: float) -> None:
        if self.count:
            self.steps += (answer.value - self.last) ** 2
        self.count += 1
        self.last, self.scale, self.coverage = answer.value, answer.scale, answer.coverage
        self.total += weight
        self.squared_weights += weight * weight
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
        variance = max(0.0, self.squares / self.total - (self.values / self.total) ** 2)
        independent = self.independent(variance)
        if independent <= 1 or half_width <= 0:
            return 1.0
        # The mean of n differs less from each of them than from the truth: n − 1.
        spread = variance * independent / (independent - 1)
        one = (half_width / NormalDist().inv_cdf((1 + (self.coverage or _COVERAGE)) / 2)) ** 2
        left = 1 - NARROWING * spread * (1 - 1 / independent) / one
        return max(NARROWEST, math.sqrt(max(left, 0.0)))

    def independent(self, variance: float) -> float:
        """How many independent frames these are worth, from how far a value is from the one before it."""
        if self.count < 2 or variance <= 0:
            return 1.0
        alike = min(0.99, max(0.0, 1 - self.steps / (self.count - 1) / (2 * variance)))
        weighted = self.total**2 / self.squared_weights
        return max(1.0, weighted * (1 - alike) / (1 + alike))


def _category(shares: dict[str, float]) -> Category:
    return Category(max(shares, key=lambda label: shares[label]), shares)
