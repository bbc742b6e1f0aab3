"""The quality of a face: one score and warnings, from its box, its landmarks and its chip."""

import numpy as np
import numpy.typing as npt

from cv.engine.align import chip_similarity
from cv.engine.types import Detection, Quality, QualityWarning

# For each measure, the value at which the score starts to fall and the value at which it is 0. Set with degraded photos
# of UTKFace `val`, so that the score falls as the error rises: see "Quality" in the model card.
_SMALL_PX = (48.0, 12.0)
_SHARPNESS = (0.01, 0.002)
_LUMA = (50.0, 10.0)
_TURN = (0.3, 0.9)
_OUTSIDE = (0.0, 0.22)
_CONFIDENCE = (0.99, 0.6)

_LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# Eyes to mouth, as shares of the chip's sides: the rest is hair, background, or outside the picture.
_FACE_ROWS, _FACE_COLUMNS = (0.25, 0.8), (0.2, 0.8)
# Points spread over a face, forehead to chin and cheek to cheek, in a chip of side 1: x is the real, y the imaginary
# part.
_STEPS = (np.arange(20) + 0.5) / 20
_FACE_POINTS = np.add.outer((0.1 + 0.8 * _STEPS) * 1j, 0.15 + 0.7 * _STEPS).ravel()
# Below this spread of grey levels a face has too little contrast to measure its sharpness.
_LEAST_SPREAD = 5.0
# Variance of the Laplacian that rounding alone causes: 1/12 in each channel, times the summed squares of the weights of
# the Laplacian and of the luma.
_ROUNDING = float((4 + 4**2) * (_LUMA_WEIGHTS**2).sum() / 12)
# A measure whose score falls this far causes a warning.
_WARN_BELOW = 0.6
# From this roll on a face does not stand upright any more. It is aligned first, so its score stays.
_TILTED_DEGREES = 45.0


def assess(detection: Detection, chip: npt.NDArray[np.uint8], image_size: tuple[int, int]) -> Quality:
    """Quality of a face. chip: uint8 RGB ``(S, S, 3)``; detection in pixels of the image of ``image_size``.

    The score is the product of six scores in [0, 1]: size, sharpness, light, pose, how much is in the picture, and how
    sure the detector is of it.
    """
    luma = _inner(chip).astype(np.float32) @ _LUMA_WEIGHTS
    scores = {
        QualityWarning.SMALL_FACE: _ramp(min(detection.box.width, detection.box.height), *_SMALL_PX),
        QualityWarning.BLURRED: _ramp(_sharpness(luma), *_SHARPNESS),
        QualityWarning.DARK: _ramp(float(luma.mean()), *_LUMA),
        QualityWarning.TURNED: _ramp(_turn(detection), *_TURN),
        QualityWarning.PARTLY_OUTSIDE: _ramp(_outside(detection, image_size), *_OUTSIDE),
    }
    said = {warning for warning, score in scores.items() if score < _WARN_BELOW}
    if abs(detection.landmarks.roll) >= _TILTED_DEGREES:
        said.add(QualityWarning.TILTED)
    return Quality(
        score=float(np.prod(list(scores.values()))) * _ramp(detection.confidence, *_CONFIDENCE),
        warnings=tuple(warning for warning in QualityWarning if warning in said),
    )


def _inner(chip: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    size = len(chip)
    (top, bottom), (left, right) = (
        (round(size * low), round(size * high)) for low, high in (_FACE_ROWS, _FACE_COLUMNS)
    )
    return chip[top:bottom, left:right]


def _ramp(value: float, good: float, bad: float) -> float:
    """1 at ``good`` and better, 0 at ``bad`` and worse, linear between."""
    return min(max((value - bad) / (good - bad), 0.0), 1.0)


def _sharpness(luma: npt.NDArray[np.float32]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) as a share of that of the grey levels, so that a dark face
    does not count as blurred; without the part that rounding of the chip's levels adds."""
    laplacian = luma[1:-1, :-2] + luma[1:-1, 2:] + luma[:-2, 1:-1] + luma[2:, 1:-1] - 4 * luma[1:-1, 1:-1]
    return float(max(laplacian.var() - _ROUNDING, 0) / max(luma.var(), _LEAST_SPREAD**2))


def _turn(detection: Detection) -> float:
    """The nose's distance from the middle between the eyes, as a share of half the eyes' distance: 0 is frontal."""
    eyes = np.array([detection.landmarks.left_eye, detection.landmarks.right_eye])
    between = eyes[1] - eyes[0]
    distance = float(np.hypot(*between))
    if distance == 0:
        return 1.0
    offset = (np.array(detection.landmarks.nose) - eyes.mean(axis=0)) @ between / distance
    return float(abs(offset) / (distance / 2))


def _outside(detection: Detection, image_size: tuple[int, int]) -> float:
    """Share of the face, located by its landmarks, that lies outside the image."""
    to_image = chip_similarity(detection.landmarks, 1).inverse()
    points = to_image.a * _FACE_POINTS + to_image.b
    width, height = image_size
    inside = (points.real >= 0) & (points.real <= width) & (points.imag >= 0) & (points.imag <= height)
    return 1 - float(inside.mean())
