"""Each kind of damage does what its name says."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from training.measure.degrade import CHANGES


def worst(kind: str) -> Image.Image:
    _, change = CHANGES[kind][-1]
    return change(Image.fromarray(data.astronaut()))


def test_shrinking_leaves_that_share_of_the_pixels_sides() -> None:
    assert worst("small").size == (61, 61)


def test_cutting_leaves_the_right_part() -> None:
    assert np.array_equal(np.asarray(worst("cut")), data.astronaut()[:, 256:])


def test_darkening_takes_that_share_of_the_light() -> None:
    assert np.asarray(worst("dark")).mean() == pytest.approx(data.astronaut().mean() * 0.05, rel=0.1)


def test_blurring_keeps_size_and_light_and_takes_detail() -> None:
    blurred = np.asarray(worst("blurred")).astype(float)

    assert blurred.shape == (512, 512, 3)
    assert blurred.mean() == pytest.approx(data.astronaut().mean(), rel=0.02)
    assert blurred.std() < 0.85 * data.astronaut().std()
