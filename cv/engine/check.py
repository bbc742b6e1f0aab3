"""A last check on what the cascade found: whether the aligned chip, cut at full sharpness, shows a face.

The cascade sees 48 pixels around its own candidate. The check was trained on the cascade's mistakes, and its
probability, which becomes a face's ``confidence``, is fitted so that it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cv.engine.align import Crop
from cv.engine.config import EngineConfig
from cv.engine.manifest import CheckModel
from cv.engine.sessions import Net, load_net, run_on_chips
from cv.engine.types import Detection

if TYPE_CHECKING:
    from torch import Tensor, nn

# The cascade's score is cut off here before its logit is taken: float32 gives 1 for a clear face.
_SUREST = 1 - 1e-6
# From this logit on a face was hardly ever read the wrong way up; below it, the turned chips are looked at too.
_CLEAR = 3.0
# Chips without a lighter value than _DARK are scaled until a hundredth of their values is above _BRIGHT.
_DARK, _BRIGHT = 64, 220
# A face was read the wrong way up if a turned chip's logit is higher by this: true of 4 of FDDB's 247 faces, and of
# 95 % if they are turned on purpose.
_TURNED_MORE = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """A face, and whether it was read the right way up: no quarter turn makes it look much more like one."""

    detection: Detection
    stands: bool


@dataclass(frozen=True, slots=True)
class FaceCheck:
    """Thread-safe. ``model`` says how the net's logit becomes a probability."""

    net: Net
    model: CheckModel

    @classmethod
    def load(cls, model: CheckModel, config: EngineConfig) -> FaceCheck:
        """Raises ModelNotReady if the weights are missing, changed, or another net's."""
        return cls(load_net(model.files, config, _face_check), model)

    @property
    def crop(self) -> Crop:
        return self.model.crop

    def keep_faces(self, detections: list[Detection], chips: npt.NDArray[np.uint8]) -> list[Checked]:
        """Those that are more likely faces than the threshold, with that probability as their confidence.

        chips: uint8 RGB ``(N, S, S, 3)``, cut as ``crop`` says, one for each detection.
        """
        chips = _brighten(chips)
        logits = self.logits(chips)
        probabilities = self.probabilities(logits, np.array([detection.confidence for detection in detections]))
        kept = np.flatnonzero(probabilities >= self.model.threshold)
        doubtful = [i for i in kept if logits[i] < _CLEAR]
        stands = dict.fromkeys(kept, True)
        for quarters in (1, 2, 3) if doubtful else ():
            turned = self.logits(np.rot90(chips[doubtful], quarters, axes=(1, 2)))
            stands |= {
                i: stands[i] and other <= logits[i] + _TURNED_MORE for i, other in zip(doubtful, turned, strict=True)
            }
        return [Checked(replace(detections[i], confidence=float(probabilities[i])), stands[i]) for i in kept]

    def probabilities(
        self, logits: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """The probability of a face ``(N,)`` from the net's logits ``(N,)`` and the cascade's scores ``(N,)``."""
        model = self.model
        total = model.bias + model.chip * logits + model.cascade * cascade_logits(scores)
        return np.asarray(1 / (1 + np.exp(-total)))

    def logits(self, chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """The net's outputs ``(N,)``; N may be 0."""
        return run_on_chips(self.net, chips)[0][:, 0].astype(np.float64)


def _brighten(chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Scales almost black chips, of which the net saw none, to the brightness of others."""
    dark = np.flatnonzero(chips.max(axis=(1, 2, 3), initial=0) < _DARK)
    if not len(dark):
        return chips
    brightened = chips.copy()
    for i in dark:
        brightened[i] = np.minimum(chips[i] * (_BRIGHT / max(np.percentile(chips[i], 99), 1)), 255)
    return brightened


def cascade_logits(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The logits ``(N,)`` of the cascade's scores ``(N,)`` in [0, 1]."""
    p = np.clip(scores, 1 - _SUREST, _SUREST)
    return np.asarray(np.log(p / (1 - p)), dtype=np.float64)


def _face_check(state: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, int]]:
    from cv.engine.nets.face_check import FaceCheck as FaceCheckNet

    net = FaceCheckNet()
    net.load_state_dict(state)
    return net, {}
