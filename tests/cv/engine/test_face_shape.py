"""The pose of a head by exact geometry, and what is open by the distances of points."""

import numpy as np
import pytest

from cv.engine.face_shape import RIGID, RIGID_SHAPE, head_pose, openness, wrap_degrees

POSES = [
    (0, 0, 0),
    (30, 0, 0),
    (-30, 0, 0),
    (0, 20, 0),
    (0, -20, 0),
    (0, 0, 45),
    (0, 0, -170),
    (25, -15, 10),
    (-80, 5, 90),
]


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The frontal mesh after R = Rz(roll)·Ry(-yaw)·Rx(-pitch)."""
    a, b, c = np.radians([-yaw, -pitch, roll])
    x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    mesh = np.full((468, 3), np.nan)
    mesh[RIGID] = RIGID_SHAPE @ (z @ y @ x).T
    return mesh


@pytest.mark.parametrize("pose", POSES)
def test_a_turned_face_has_the_pose_that_it_was_turned_to(pose: tuple[float, float, float]) -> None:
    assert head_pose(turned(*pose)) == pytest.approx(pose, abs=1e-9)


@pytest.mark.parametrize("pose", POSES)
def test_neither_size_nor_place_changes_the_pose(pose: tuple[float, float, float]) -> None:
    assert head_pose(turned(*pose) * 140 + [96, 90, 12]) == pytest.approx(pose, abs=1e-9)


def test_in_the_mirror_yaw_and_roll_change_their_signs() -> None:
    yaw, pitch, roll = 25.0, -15.0, 10.0
    mesh = turned(yaw, pitch, roll) * [-1, 1, 1]
    # In the mirror the left eye is the right one.
    swapped = mesh.copy()
    for at, (x, y, z) in zip(RIGID, RIGID_SHAPE, strict=True):
        twin = RIGID[np.abs(RIGID_SHAPE - [-x, y, z]).sum(axis=1).argmin()]
        swapped[at] = mesh[twin]
    assert head_pose(swapped) == pytest.approx((-yaw, pitch, -roll), abs=1e-9)


def test_who_looks_to_the_right_has_the_nose_on_the_right() -> None:
    nose = list(RIGID).index(4)
    (x, y, _) = turned(30, 20, 0)[RIGID][nose]
    assert x > RIGID_SHAPE[nose][0] + 0.2
    assert y < RIGID_SHAPE[nose][1]


def test_a_little_noise_changes_the_pose_a_little() -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, (468, 3))
    assert head_pose(turned(25, -15, 10) + noise) == pytest.approx((25, -15, 10), abs=2)


@pytest.mark.parametrize(("angle", "wrapped"), [(0, 0), (190, -170), (-190, 170), (360, 0), (725, 5)])
def test_angles_are_from_minus_180_to_180(angle: float, wrapped: float) -> None:
    assert wrap_degrees(angle) == pytest.approx(wrapped)


def face(eye: float, mouth: float) -> np.ndarray:
    """68 points whose lids and lips are apart by these shares of their widths."""
    points = np.zeros((68, 2))
    for first, x in ((36, 60.0), (42, 120.0)):
        points[first : first + 6] = [[0, 0], [10, -1], [20, -1], [30, 0], [20, 1], [10, 1]]
        points[first : first + 6] = points[first : first + 6] * [1, 15 * eye] + [x, 80]
    points[60:68] = [[0, 0], [10, -1], [20, -1], [30, -1], [40, 0], [30, 1], [20, 1], [10, 1]]
    points[60:68] = points[60:68] * [1, 20 * mouth] + [80, 150]
    return points


def test_eyes_and_mouth_are_open_or_closed() -> None:
    left, right, mouth = openness(face(eye=0.3, mouth=0.4))
    assert left == pytest.approx(right)
    assert min(left, mouth) > 0.95
    left, right, mouth = openness(face(eye=0.05, mouth=0.0))
    assert max(left, right, mouth) < 0.2


def test_points_that_are_all_the_same_are_no_error() -> None:
    assert all(0 <= share <= 1 for share in openness(np.zeros((68, 2))))
