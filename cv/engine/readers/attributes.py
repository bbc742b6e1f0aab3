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
from cv.engine.manifest import CENTRAL, Calibration, Levels, Model
from cv.engine.outputs import Output, Shape, get_output
from cv.engine.readers.base import FaceReader
from cv.engine.sessions import Net, load_net, run_on_chips
from cv.engine.traits import TRAITS, measure_traits
from cv.engine.types import Answer, Answers, Category, Estimate

if TYPE_CHECKING:
    from torch import Tensor, nn

Array = npt.NDArray[np.float32]
Name = TypeVar("Name", bound=str)


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
        traits = measure_traits(chips, [similarity.scale for similarity in to_photo])
        probabilities = self.probabilities(self.logits(chips), traits)
        columns = {
            output.name: _ANSWERS[output.shape](self, output, probabilities[output.name])
            for output in self.outputs
            if output.name in wanted
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def logits(self, chips: npt.NDArray[np.uint8]) -> dict[str, Array]:
        """uint8 RGB ``(N, S, S, 3)``, N may be 0 → the net's outputs by name, ``(N, Output.size)`` each."""
        heads = run_on_chips(self.net, chips)
        return {output.name: head for output, head in zip(self.outputs, heads, strict=True)}

    def probabilities(self, logits: Mapping[Name, Array], traits: Array) -> dict[Name, Array]:
        """Calibrated, ``(N, Output.size)`` each, rows sum to 1. traits: ``(N, len(TRAITS))``."""
        return {name: calibrated(head, traits, self.calibration, name) for name, head in logits.items()}

    def _categories(self, output: Output, probabilities: Array) -> list[Answer]:
        classes = output.labels
        return [
            Category(classes[best], dict(zip(classes, row, strict=True)))
            for best, row in zip(probabilities.argmax(axis=1), probabilities.tolist(), strict=True)
        ]

    def _estimates(self, output: Output, probabilities: Array) -> list[Answer]:
        coverage = self.calibration.coverage
        bins = np.asarray(output.bins, dtype=np.float32)
        values, lows, highs = estimate(probabilities, bins, self.calibration.levels.get(output.name, CENTRAL))
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

    # Keys are like `branches.identity.trunk…`.
    net = AttributeNet(dict.fromkeys(key.split(".")[1] for key in state))
    net.load_state_dict(state)
    return MirrorAveraged(net), net.head_sizes


def softmax(logits: Array) -> Array:
    """Over the last axis."""
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def calibrated(logits: Array, traits: Array, calibration: Calibration, name: str) -> Array:
    """Calibrated probabilities of the output ``name``, ``(N, C)``. traits: ``(N, len(TRAITS))``."""
    bias = np.asarray(calibration.bias.get(name, 0), dtype=np.float32)
    slopes = np.asarray(calibration.slopes.get(name, (0.0,) * len(TRAITS)), dtype=np.float32)
    temperatures = np.float32(calibration.temperature.get(name, 1)) * np.exp(traits @ slopes)
    return softmax((logits + bias) / temperatures[:, None])


def estimate(probabilities: Array, bins: Array, levels: Levels) -> tuple[Array, Array, Array]:
    """Mean, low and high end of the interval of distributions ``(N, B)`` over ``bins`` ``(B,)``, each ``(N,)``.

    Each bin is spread evenly over its width. The mean always belongs to the interval.
    """
    values = probabilities @ bins
    half = (bins[1] - bins[0]) / 2
    edges = np.append(bins - half, bins[-1] + half)
    shares = np.pad(probabilities.cumsum(axis=1), ((0, 0), (1, 0)))
    shares /= shares[:, -1:]
    # The lowest value whose share reaches its level, and the highest whose share does not pass it.
    low = _first_crossing(shares - np.interp(edges, levels.at, levels.low), edges)
    high = -_first_crossing((np.interp(edges, levels.at, levels.high) - shares)[:, ::-1], -edges[::-1])
    return (
        values,
        np.minimum(np.clip(low, bins[0], bins[-1]), values),
        np.maximum(np.clip(high, bins[0], bins[-1]), values),
    )


def _first_crossing(over: Array, edges: Array) -> Array:
    """Where each row of ``over`` ``(N, E)``, given at ``edges`` and even between them, first reaches 0, ``(N,)``."""
    at = np.argmax(over >= 0, axis=1)
    rows, before = np.arange(len(over)), np.maximum(at - 1, 0)
    rise = np.maximum(over[rows, at] - over[rows, before], 1e-9)
    share = np.where(at > 0, -over[rows, before] / rise, 0)
    return np.asarray(edges[before] + share * (edges[at] - edges[before]), dtype=np.float32)
