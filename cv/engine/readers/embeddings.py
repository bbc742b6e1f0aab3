"""A net that turns a face into a vector: those of one person have a high cosine, those of two people a low one."""

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
from cv.engine.types import Answers, Vector


class EmbeddingReader(FaceReader):
    """Answers one Vector of length 1 for each face. Thread-safe. ONNX Runtime serves it with every backend."""

    def __init__(self, model: Model, net: Net) -> None:
        """Raises ModelNotReady if the model has several outputs, or one of another shape."""
        if len(model.outputs) != 1 or get_output(model.outputs[0]).shape is not Shape.VECTOR:
            raise ModelNotReady(f"{MANIFEST}: {model.field}.outputs must be one vector")
        self.card, self.crop, self.gives = model.card, model.crop, frozenset(model.outputs)
        (self.output,) = model.outputs
        self.net = net

    @classmethod
    def load(cls, model: Model, config: EngineConfig) -> EmbeddingReader:
        """Raises ModelNotReady if the weights are missing, changed, or have another head than the manifest says."""
        return cls(model, load_onnx_net(model.files.onnx, config.threads, model.heads))

    def read(
        self, chips: npt.NDArray[np.uint8], to_photo: Sequence[Similarity], wanted: frozenset[str]
    ) -> list[Answers]:
        return [{self.output: Vector(tuple(vector.tolist()))} for vector in self.embed(chips)]

    def embed(self, chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 RGB ``(N, S, S, 3)``, N may be 0 → float32 ``(N, D)``, rows of length 1."""
        (vectors,) = run_on_chips(self.net, chips)
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
