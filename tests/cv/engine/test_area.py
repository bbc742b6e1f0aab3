"""Area resampling gives the means that PyTorch's adaptive pooling gives."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from cv.engine.detect.area import MOST_PIXELS, AreaImage
from cv.engine.detect.mtcnn import _LARGE_PIXELS
from cv.engine.detect.pyramid import CELL


@pytest.fixture(scope="module")
def pixels(portraits: dict[str, Image.Image]) -> np.ndarray:
    return np.asarray(portraits["astronaut"])


def adaptive(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].double()
    return F.interpolate(tensor, size=(height, width), mode="area")[0].numpy()


@pytest.mark.parametrize(("width", "height"), [(154, 154), (37, 211), (512, 512), (700, 30)])
def test_resized_pixels_are_the_means_of_what_they_cover(pixels: np.ndarray, width: int, height: int) -> None:
    np.testing.assert_allclose(
        AreaImage(Image.fromarray(pixels)).resize(width, height, (0, 0, width, height)),
        adaptive(pixels, height, width),
        atol=1e-4,
    )


def test_crops_are_resampled_each_from_its_own_region(pixels: np.ndarray) -> None:
    regions = np.array([[180, 60, 269, 173], [0, 0, 512, 512], [500, 500, 503, 502]])

    crops = AreaImage(Image.fromarray(pixels)).crops(regions, 24)

    for crop, (x1, y1, x2, y2) in zip(crops, regions, strict=True):
        np.testing.assert_allclose(crop, adaptive(pixels[y1:y2, x1:x2], 24, 24), atol=1e-4)


def test_sums_that_wrap_around_are_still_right_up_to_the_most_pixels_of_a_bin() -> None:
    """The sums of 4,200² white pixels pass every field; bins of 91 × 90 pixels are the largest that fit one."""
    white = np.full((4200, 4200, 3), 255, dtype=np.uint8)
    white[..., 1] = 254

    (crop,) = AreaImage(Image.fromarray(white)).crops(np.array([[4000, 4000, 4182, 4180]]), 2)

    assert 91 * 90 <= MOST_PIXELS < 91 * 91
    np.testing.assert_allclose(crop, np.array([255, 254, 255])[:, None, None] * np.ones((1, 2, 2)), rtol=1e-6)


def test_the_largest_picture_that_is_resampled_exactly_has_no_bin_of_too_many_pixels() -> None:
    # Its smallest copy is a cell wide, and a bin has at most one pixel more than the next whole number.
    widest = math.ceil(math.isqrt(_LARGE_PIXELS) / CELL) + 1

    assert widest**2 <= MOST_PIXELS
