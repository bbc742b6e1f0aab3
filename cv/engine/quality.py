"""The quality of a face: one score, and warnings that say what may ruin the answers.

A small net looks at the chip. It was trained on chips that were damaged on purpose, each with what became of its
answers. What a chip does not show comes from the box and the landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from cv.engine.align import Crop, chip_similarity
from cv.engine.config import EngineConfig
from cv.engine.manifest import QualityModel
from cv.engine.sessions import Net, load_net, run_on_chips
from cv.engine.types import Detection, Landmarks, Pose, Quality, QualityWarning

if TYPE_CHECKING:
    from torch import Tensor, nn

# A face with a shorter side than this is small, one turned by more than this is turned away, and of one that is partly
# outside more than this share is: there the answers begin to get worse, see the model card.
_SMALL_PX = 33.6
_TURNED = 0.54
_OUTSIDE = 0.088
# The yaw that goes with it.
_TURNED_DEGREES = 25.0
# From this roll on a face does not stand upright any more. It is aligned first, so its score stays.
_TILTED_DEGREES = 45.0
# How far a face is turned away where the score starts to fall, and where it is 0: turned heads cannot be drawn.
_TURN: Final = (0.3, 0.9)
# Points spread over a face, forehead to chin and cheek to cheek, in a chip of side 1: x is the real, y the imaginary
# part.
_STEPS = (np.arange(20) + 0.5) / 20
_FACE_POINTS = np.add.outer((0.1 + 0.8 * _STEPS) * 1j, 0.15 + 0.7 * _STEPS).ravel()


@dataclass(frozen=True, slots=True)
class QualityJudge:
    """Thread-safe. ``model`` says what the net's outputs mean."""

    net: Net
    model: QualityModel

    @classmethod
    def load(cls, model: QualityModel, config: EngineConfig) -> QualityJudge:
        """Raises ModelNotReady if the weights are missing, changed, or another net's."""
        return cls(load_net(model.files, config, partial(_quality_net, len(model.thresholds))), model)

    @property
    def crop(self) -> Crop:
        return self.model.crop

    def assess(
        self,
        detections: list[Detection],
        chips: npt.NDArray[np.uint8],
        image_size: tuple[int, int],
        poses: Sequence[Pose | None] | None = None,
    ) -> list[Quality]:
        """The quality of each face. chips: uint8 RGB ``(N, S, S, 3)``, cut as ``crop`` says, one for each detection;
        detections in pixels of the image of ``image_size``. Where a pose is known, it decides whether the face is
        turned or tilted, else the five landmarks do. The score goes by the landmarks alone, so that it is the same
        whatever is asked for.

        The score is the chance that the answers are right, by the net, times the chance that this is a face at all, and
        falls to 0 for a face that is turned away.
        """
        logits = self.logits(chips)
        chances = 1 / (1 + np.exp(-(self.model.bias + self.model.slope * logits[:, 0])))
        shown = logits[:, 1:] >= list(self.model.thresholds.values())
        return [
            _told(detection, float(chance), self._named(row), image_size, pose)
            for detection, chance, row, pose in zip(
                detections, chances, shown, poses or [None] * len(detections), strict=True
            )
        ]

    def _named(self, shown: npt.NDArray[np.bool_]) -> set[QualityWarning]:
        return {warning for warning, given in zip(self.model.thresholds, shown, strict=True) if given}

    def logits(self, chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """The net's outputs ``(N, 1 + warnings)``; N may be 0."""
        return run_on_chips(self.net, chips)[0].astype(np.float64)


def _told(
    detection: Detection, chance: float, shown: set[QualityWarning], image_size: tuple[int, int], pose: Pose | None
) -> Quality:
    turn = turn_of(detection.landmarks)
    yaw, _, roll = pose or (None, None, detection.landmarks.roll)
    placed = {
        QualityWarning.SMALL_FACE: min(detection.box.width, detection.box.height) < _SMALL_PX,
        QualityWarning.TURNED: turn > _TURNED if yaw is None else abs(yaw) > _TURNED_DEGREES,
        QualityWarning.TILTED: abs(roll) >= _TILTED_DEGREES,
        QualityWarning.PARTLY_OUTSIDE: _outside(detection, image_size) > _OUTSIDE,
    }
    return Quality(
        score=chance * detection.confidence * float(np.interp(turn, _TURN, (1, 0))),
        warnings=tuple(warning for warning in QualityWarning if warning in shown or placed.get(warning)),
    )


def turn_of(landmarks: Landmarks) -> float:
    """The nose's distance from the middle between the eyes, as a share of half the eyes' distance: 0 is frontal."""
    left, right, nose = complex(*landmarks.left_eye), complex(*landmarks.right_eye), complex(*landmarks.nose)
    between = right - left
    if between == 0:
        return 1.0
    # The real part of the quotient is the share of the line between the eyes.
    return abs(((nose - (left + right) / 2) / between).real) * 2


def _outside(detection: Detection, image_size: tuple[int, int]) -> float:
    """Share of the face, located by its landmarks, that lies outside the image."""
    to_image = chip_similarity(detection.landmarks, 1).inverse()
    points = to_image.a * _FACE_POINTS + to_image.b
    width, height = image_size
    inside = (points.real >= 0) & (points.real <= width) & (points.imag >= 0) & (points.imag <= height)
    return 1 - float(inside.mean())


def _quality_net(warnings: int, state: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, int]]:
    from cv.engine.nets.quality_net import QualityNet

    net = QualityNet(warnings)
    net.load_state_dict(state)
    return net, {}
