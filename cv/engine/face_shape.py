"""What the points of a face tell: how the head is turned, and whether eyes and mouth are open."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# A face that looks straight at the camera: indices of the mesh that expressions hardly move (forehead, nose, corners of
# the eyes, temples, cheeks), and where they are, in units of the distance between the outer corners of the eyes. x goes
# right, y down, z away from the camera. It is the symmetric mean of the meshes of Helen's training faces, turned onto
# each other (generalised Procrustes analysis, Gower 1975): so a face without a turn is turned like their mean.
# fmt: off
_FRONTAL: Final = np.array([
    (10, 0.000, -0.585, -0.186), (151, 0.000, -0.415, -0.218), (9, 0.000, -0.240, -0.238),
    (168, 0.000, -0.067, -0.213), (6, 0.000, 0.021, -0.258), (197, 0.000, 0.100, -0.310), (195, 0.000, 0.173, -0.367),
    (5, 0.000, 0.251, -0.425), (4, 0.000, 0.343, -0.449), (33, -0.500, -0.031, 0.033), (263, 0.500, -0.031, 0.033),
    (133, -0.193, -0.010, -0.028), (362, 0.193, -0.010, -0.028), (127, -0.764, -0.002, 0.576),
    (356, 0.764, -0.002, 0.576), (234, -0.754, 0.148, 0.634), (454, 0.754, 0.148, 0.634), (54, -0.656, -0.401, 0.173),
    (284, 0.656, -0.401, 0.173), (67, -0.387, -0.553, -0.095), (297, 0.387, -0.553, -0.095),
    (129, -0.229, 0.369, -0.123), (358, 0.229, 0.369, -0.123), (193, -0.085, -0.057, -0.166),
    (417, 0.085, -0.057, -0.166), (116, -0.693, 0.144, 0.179), (345, 0.693, 0.144, 0.179),
    (123, -0.686, 0.286, 0.168), (352, 0.686, 0.286, 0.168), (50, -0.535, 0.318, -0.017), (280, 0.535, 0.318, -0.017),
])
# fmt: on
# The logit of being open, by the ratio of ``openness``: intercept and slope. Fitted on Helen's training faces, left out
# in five folds: an eye is open if its labelled points have a ratio over 0.15, a mouth over 0.1. These numbers and those
# above are printed by ``training.publish.face_shape``.
_EYE: Final = (-5.08, 32.85)
_MOUTH: Final = (-4.11, 38.81)
RIGID: Final = _FRONTAL[:, 0].astype(int)
RIGID_SHAPE: Final[Array] = _FRONTAL[:, 1:]


def head_pose(mesh: Array) -> tuple[float, float, float]:
    """The 468 points ``(468, 3)`` (x right, y down, z away, one scale) → yaw, pitch and roll in degrees.

    Yaw is positive if the face looks to the right of the picture, pitch if it looks up, and roll if it is turned
    clockwise in the picture. R = Rz(roll)·Ry(-yaw)·Rx(-pitch) is the rotation that fits ``RIGID_SHAPE`` to the points
    best (Kabsch 1976); yaw is from -90 to 90, the others from -180 to 180.
    """
    seen = mesh[RIGID]
    u, _, vh = np.linalg.svd((seen - seen.mean(axis=0)).T @ (RIGID_SHAPE - RIGID_SHAPE.mean(axis=0)))
    # A rotation, not a reflection.
    u[:, 2] *= np.sign(np.linalg.det(u @ vh))
    r = u @ vh
    yaw = math.asin(min(max(float(r[2, 0]), -1.0), 1.0))
    pitch, roll = -math.atan2(r[2, 1], r[2, 2]), math.atan2(r[1, 0], r[0, 0])
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def wrap_degrees(angle: float) -> float:
    """The same angle from -180 to 180."""
    return math.remainder(angle, 360)


def openness(points: Array) -> tuple[float, float, float]:
    """iBUG's 68 points ``(68, 2)`` → the probabilities that the left eye, the right eye and the mouth are open, left
    and right as in the picture. They follow from how far the lids and the lips are apart, as a share of their width
    (the eye's aspect ratio, Soukupová & Čech 2016)."""
    left, right = (_probability(eye, _EYE) for eye in eye_ratios(points))
    return left, right, _probability(lip_ratio(points), _MOUTH)


def eye_ratios(points: Array) -> tuple[float, float]:
    """How far the lids are apart, as a share of the eye's width: left and right in the picture."""
    left, right = (_ratio(points[first : first + 6], ((1, 5), (2, 4)), (0, 3)) for first in (36, 42))
    return left, right


def lip_ratio(points: Array) -> float:
    """How far the inner lips are apart, as a share of their width."""
    return _ratio(points[60:68], ((1, 7), (2, 6), (3, 5)), (0, 4))


def _ratio(points: Array, pairs: Sequence[tuple[int, int]], ends: tuple[int, int]) -> float:
    width = float(np.linalg.norm(points[ends[0]] - points[ends[1]]))
    apart = float(np.mean([np.linalg.norm(points[upper] - points[lower]) for upper, lower in pairs]))
    return apart / width if width else 0.0


def _probability(ratio: float, line: tuple[float, float]) -> float:
    intercept, slope = line
    return 1 / (1 + math.exp(-(intercept + slope * ratio)))
