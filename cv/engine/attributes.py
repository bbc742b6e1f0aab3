"""Chips to attributes: one batch through the net, then calibrated probabilities and intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cv.engine.labels import BEAUTY_SCALE, BINS, CLASSES, Attribute
from cv.engine.sessions import Net
from cv.engine.transforms import chips_to_input
from cv.engine.types import Attributes, Category, Estimate
from cv.engine.weights import Calibration

Array = npt.NDArray[np.float32]

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Describer:
    """The attribute net with its calibration. Thread-safe."""

    net: Net
    calibration: Calibration

    def describe(self, chips: npt.NDArray[np.uint8], wanted: frozenset[Attribute]) -> list[Attributes]:
        """uint8 RGB ``(N, S, S, 3)`` → the wanted attributes of each chip; the net does not run where none is."""
        if len(chips) == 0 or not wanted:
            return [Attributes()] * len(chips)
        probabilities = self.probabilities(self.logits(chips))
        columns = {
            attribute: self._categories(attribute, probabilities[attribute])
            if attribute in CLASSES
            else self._estimates(attribute, probabilities[attribute])
            for attribute in wanted
        }
        return [Attributes(**{name: values[i] for name, values in columns.items()}) for i in range(len(chips))]  # type: ignore[arg-type]

    def logits(self, chips: npt.NDArray[np.uint8]) -> dict[Attribute, Array]:
        """uint8 RGB ``(N, S, S, 3)``, N ≥ 1 → the net's outputs, ``(N, head_size)`` each."""
        batches = [self.net(chips_to_input(chips[i : i + _BATCH])) for i in range(0, len(chips), _BATCH)]
        heads = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        return dict(zip(Attribute, heads, strict=True))

    def probabilities(self, logits: Mapping[Attribute, Array]) -> dict[Attribute, Array]:
        """Calibrated, ``(N, head_size)`` each, rows sum to 1."""
        return {attribute: softmax(self._calibrated(attribute, head)) for attribute, head in logits.items()}

    def _calibrated(self, attribute: Attribute, logits: Array) -> Array:
        bias = np.asarray(self.calibration.bias.get(attribute, 0), dtype=np.float32)
        return (logits + bias) / np.float32(self.calibration.temperature.get(attribute, 1))

    def _categories(self, attribute: Attribute, probabilities: Array) -> list[Category]:
        classes = CLASSES[attribute]
        return [
            Category(classes[best], dict(zip(classes, row, strict=True)))
            for best, row in zip(probabilities.argmax(axis=1), probabilities.tolist(), strict=True)
        ]

    def _estimates(self, attribute: Attribute, probabilities: Array) -> list[Estimate]:
        coverage = self.calibration.coverage
        values, lows, highs = estimate(
            probabilities, BINS[attribute], coverage, self.calibration.widening.get(attribute, 0)
        )
        scale = BEAUTY_SCALE if attribute is Attribute.BEAUTY else None
        return [
            Estimate(value, (low, high), scale, coverage)
            for value, low, high in zip(values.tolist(), lows.tolist(), highs.tolist(), strict=True)
        ]


def softmax(logits: Array) -> Array:
    """Over the last axis."""
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def estimate(probabilities: Array, bins: Array, coverage: float, widening: float) -> tuple[Array, Array, Array]:
    """Mean, low and high end of the interval of distributions ``(N, B)`` over ``bins`` ``(B,)``, each ``(N,)``."""
    values = probabilities @ bins
    tail = (1 - coverage) / 2
    low = np.maximum(quantile(probabilities, bins, tail) - widening, bins[0])
    high = np.minimum(quantile(probabilities, bins, 1 - tail) + widening, bins[-1])
    return values, np.minimum(low, values), np.maximum(high, values)


def quantile(probabilities: Array, bins: Array, level: float) -> Array:
    """Quantile of each distribution ``(N, B)``, each bin spread evenly over its width, ``(N,)``."""
    cumulative = probabilities.cumsum(axis=1)
    cumulative /= cumulative[:, -1:]
    at = (cumulative < level).sum(axis=1)
    rows = np.arange(len(probabilities))
    below = np.where(at > 0, cumulative[rows, at - 1], 0)
    share = (level - below) / np.maximum(cumulative[rows, at] - below, 1e-9)
    width = bins[1] - bins[0]
    return np.asarray(bins[at] + (share - 0.5) * width, dtype=np.float32)
