"""A net with one head per output: chips to logits in batches, then calibrated classes, and numbers with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import numpy.typing as npt

from cv.engine.align import Similarity
from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.fields import MANIFEST
from cv.engine.manifest import Model
from cv.engine.outputs import Output, Shape, get_output
from cv.engine.readers.base import FaceReader
from cv.engine.sessions import Net, load_net
from cv.engine.transforms import chips_to_input
from cv.engine.types import Answer, Answers, Category, Estimate

if TYPE_CHECKING:
    from torch import Tensor, nn

Array = npt.NDArray[np.float32]
Name = TypeVar("Name", bound=str)

_BATCH = 32


class AttributeReader(FaceReader):
    """Answers of the shapes Category and Estimate from the heads of one net. Thread-safe."""

    def __init__(self, model: Model, net: Net) -> None:
        """Raises ModelNotReady if an output has another shape."""
        self.card, self.crop, self.gives = model.card, model.crop, frozenset(model.outputs)
        self.net, self.calibration = net, model.calibration
        self.outputs = tuple(get_output(name) for name in model.outputs)
        for output in self.outputs:
            if output.shape not in _ANSWERS or output.size is None:
                field = f"{MANIFEST}: {model.field}.outputs"
                raise ModelNotReady(f"{field}: {output.name} has the shape {output.shape}, which no head gives")

    @classmethod
    def load(cls, model: Model, config: EngineConfig) -> AttributeReader:
        """Raises ModelNotReady if the weights are missing, changed, or have other heads than the manifest says."""
        return cls(model, load_net(model.files, config, attribute_net, model.heads))

    def read(
        self, chips: npt.NDArray[np.uint8], to_photo: Sequence[Similarity], wanted: frozenset[str]
    ) -> list[Answers]:
        probabilities = self.probabilities(self.logits(chips))
        columns = {
            output.name: _ANSWERS[output.shape](self, output, probabilities[output.name])
            for output in self.outputs
            if output.name in wanted
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def logits(self, chips: npt.NDArray[np.uint8]) -> dict[str, Array]:
        """uint8 RGB ``(N, S, S, 3)``, N ≥ 1 → the net's outputs by name, ``(N, Output.size)`` each."""
        batches = [self.net(chips_to_input(chips[i : i + _BATCH])) for i in range(0, len(chips), _BATCH)]
        heads = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        return {output.name: head for output, head in zip(self.outputs, heads, strict=True)}

    def probabilities(self, logits: Mapping[Name, Array]) -> dict[Name, Array]:
        """Calibrated, ``(N, Output.size)`` each, rows sum to 1."""
        return {name: softmax(self._calibrated(name, head)) for name, head in logits.items()}

    def _calibrated(self, name: str, logits: Array) -> Array:
        bias = np.asarray(self.calibration.bias.get(name, 0), dtype=np.float32)
        return (logits + bias) / np.float32(self.calibration.temperature.get(name, 1))

    def _categories(self, output: Output, probabilities: Array) -> list[Answer]:
        classes = output.labels
        return [
            Category(classes[best], dict(zip(classes, row, strict=True)))
            for best, row in zip(probabilities.argmax(axis=1), probabilities.tolist(), strict=True)
        ]

    def _estimates(self, output: Output, probabilities: Array) -> list[Answer]:
        coverage = self.calibration.coverage
        bins = np.asarray(output.bins, dtype=np.float32)
        values, lows, highs = estimate(probabilities, bins, coverage, self.calibration.widening.get(output.name, 0))
        return [
            Estimate(value, (low, high), output.scale, coverage)
            for value, low, high in zip(values.tolist(), lows.tolist(), highs.tolist(), strict=True)
        ]


_ANSWERS: Final[Mapping[Shape, Callable[[AttributeReader, Output, Array], list[Answer]]]] = {
    Shape.CATEGORY: AttributeReader._categories,
    Shape.ESTIMATE: AttributeReader._estimates,
}


def attribute_net(state: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, int]]:
    """The served net in PyTorch with these weights, and its heads."""
    from cv.engine.nets.attribute_net import AttributeNet, MirrorAveraged

    net = AttributeNet()
    net.load_state_dict(state)
    return MirrorAveraged(net), net.head_sizes


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
