"""A net that tells people from their background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.config import EngineConfig
from cv.engine.manifest import PhotoModel
from cv.engine.readers.base import PhotoReader
from cv.engine.sessions import Net, load_onnx_net


class PortraitReader(PhotoReader):
    """A mask of ``size`` × ``size`` for a whole photo. Thread-safe. ONNX Runtime serves it with every backend."""

    def __init__(self, model: PhotoModel, net: Net) -> None:
        self.card, self.size, self.net = model.card, model.size, net

    @classmethod
    def load(cls, model: PhotoModel, config: EngineConfig) -> PortraitReader:
        """Raises ModelNotReady if the weights are missing or changed."""
        return cls(model, load_onnx_net(model.files.onnx, config.threads, None))

    def read(self, photo: Image.Image) -> npt.NDArray[np.float32]:
        seen = photo.resize((self.size, self.size), Image.Resampling.BILINEAR, reducing_gap=2.0)
        (mask,) = self.net(np.asarray(seen, np.float32).transpose(2, 0, 1)[None] / np.float32(255))
        found: npt.NDArray[np.float32] = mask[0, 0]
        return found
