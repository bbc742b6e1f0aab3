"""A net whose heads say of each of several labels how probable it is: CelebA's traits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cv.engine.align import Similarity
from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.fields import MANIFEST
from cv.engine.manifest import Model
from cv.engine.outputs import Shape, get_output
from cv.engine.readers.base import FaceReader
from cv.engine.sessions import Net, load_onnx_net, run_on_chips
from cv.engine.types import Answers, Flags


class FlagsReader(FaceReader):
    """Answers Flags from the logits of each head, which the net itself calibrates. Thread-safe. ONNX Runtime serves it
    with every backend."""

    def __init__(self, model: Model, net: Net) -> None:
        """Raises ModelNotReady if an output has another shape."""
        self.card, self.crop, self.gives = model.card, model.crop, frozenset(model.outputs)
        self.net = net
        self.outputs = tuple(get_output(name) for name in model.outputs)
        for output in self.outputs:
            if output.shape is not Shape.FLAGS:
                raise ModelNotReady(f"{MANIFEST}: {model.field}.outputs: {output.name} is not flags but {output.shape}")

    @classmethod
    def load(cls, model: Model, config: EngineConfig) -> FlagsReader:
        """Raises ModelNotReady if the weights are missing, changed, or have other heads than the manifest says."""
        return cls(model, load_onnx_net(model.files.onnx, config.threads, model.heads))

    def read(
        self, chips: npt.NDArray[np.uint8], to_photo: Sequence[Similarity], wanted: frozenset[str]
    ) -> list[Answers]:
        shares = self.probabilities(chips)
        return [
            {
                output.name: Flags(dict(zip(output.labels, shares[output.name][i].tolist(), strict=True)))
                for output in self.outputs
                if output.name in wanted
            }
            for i in range(len(chips))
        ]

    def probabilities(self, chips: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        """uint8 RGB ``(N, S, S, 3)``, N may be 0 → float32 ``(N, Output.size)`` in [0, 1] for each output."""
        return {
            output.name: np.asarray(1 / (1 + np.exp(-head)), np.float32)
            for output, head in zip(self.outputs, run_on_chips(self.net, chips), strict=True)
        }
