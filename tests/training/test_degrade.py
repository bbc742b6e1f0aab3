"""Photos are made worse the way their names say."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from training.degrade import CHANGES, degraded


@pytest.fixture(scope="module")
def photo() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(data.astronaut()).save(buffer, "PNG")
    return buffer.getvalue()


def worst(kind: str, photo: bytes) -> Image.Image:
    _, change = CHANGES[kind][-1]
    return Image.open(io.BytesIO(degraded(photo, change)))


def test_shrinking_leaves_that_share_of_the_pixels_sides(photo: bytes) -> None:
    assert worst("small", photo).size == (61, 61)


def test_cutting_leaves_the_right_part(photo: bytes) -> None:
    assert np.array_equal(np.asarray(worst("cut", photo)), data.astronaut()[:, 256:])


def test_darkening_takes_that_share_of_the_light(photo: bytes) -> None:
    assert np.asarray(worst("dark", photo)).mean() == pytest.approx(data.astronaut().mean() * 0.05, rel=0.1)


def test_blurring_keeps_size_and_light_and_takes_detail(photo: bytes) -> None:
    blurred = np.asarray(worst("blurred", photo)).astype(float)

    assert blurred.shape == (512, 512, 3)
    assert blurred.mean() == pytest.approx(data.astronaut().mean(), rel=0.02)
    assert blurred.std() < 0.85 * data.astronaut().std()
