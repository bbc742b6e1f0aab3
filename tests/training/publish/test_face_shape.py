"""The constants of a face's shape: exact where the faces are one shape turned, and a line where the odds are one."""

import numpy as np
import pytest

from cv.engine.face_shape import RIGID, RIGID_SHAPE
from training.publish.face_mesh import VIEWS
from training.publish.face_shape import fit_frontal, fit_line, tell_left_out


def turns(count: int) -> np.ndarray:
    """Rotations up to about 30°, each also with its mirror image."""
    dice = np.random.default_rng(1)
    found = []
    for a, b, c in dice.normal(0, 0.25, (count, 3)):
        for side in (1, -1):
            sa, ca, sb, cb, sc, cc = np.sin(side * a), np.cos(a), np.sin(b), np.cos(b), np.sin(side * c), np.cos(c)
            x = np.array([[1, 0, 0], [0, cb, -sb], [0, sb, cb]])
            y = np.array([[ca, 0, sa], [0, 1, 0], [-sa, 0, ca]])
            z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
            found.append(z @ y @ x)
    return np.array(found)


def test_one_shape_turned_moved_and_scaled_is_found_again() -> None:
    faces = np.einsum("pi,nji->npj", RIGID_SHAPE, turns(100)) * 80 + [96, 90, 10]

    found = fit_frontal(faces, list(RIGID))

    # Which pitch counts as none is the faces' mean; the shape is the same.
    distances = [np.linalg.norm(shape[:, None] - shape[None], axis=2) for shape in (found, RIGID_SHAPE)]
    assert distances[0] == pytest.approx(distances[1], abs=2e-3)
    assert found[:, 0].sum() == pytest.approx(0, abs=1e-9)


def test_a_line_of_odds_is_found_again() -> None:
    dice = np.random.default_rng(2)
    ratios = dice.uniform(0, 0.4, 40_000)
    is_open = dice.uniform(size=len(ratios)) < 1 / (1 + np.exp(-(-4 + 30 * ratios)))

    intercept, slope = fit_line(ratios, is_open)

    assert (intercept, slope) == (pytest.approx(-4, abs=0.15), pytest.approx(30, abs=1))


def test_no_face_is_told_by_a_head_that_was_fitted_on_it() -> None:
    dice = np.random.default_rng(3)
    faces, view = 50, 2 * VIEWS
    features = dice.normal(size=(faces * view, 4))
    points = np.repeat(dice.normal(size=(faces, 68, 2)), view, axis=0)
    points[:, 45] += [100, 0]

    told = tell_left_out(features, points)
    points[:view] += 1000
    again = tell_left_out(features, points)

    # The first face's own labels have no part in what is told of it.
    assert again[:view] == pytest.approx(told[:view])
    assert again[view : 2 * view] != pytest.approx(told[view : 2 * view])
