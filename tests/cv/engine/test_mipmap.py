"""Mipmaps give nearly the means that exact area resampling gives, from copies that are much smaller."""

import numpy as np
import pytest
from PIL import Image

from cv.engine.detect.area import AreaImage
from cv.engine.detect.mipmap import Mipmap


@pytest.fixture(scope="module")
def image(portraits: dict[str, Image.Image]) -> Image.Image:
    """An image of odd size, so that its halved copies cover more than half."""
    return portraits["astronaut"].resize((1201, 1001), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(("width", "height", "off"), [(700, 600, 2), (360, 300, 2), (151, 125, 3), (38, 31, 7)])
def test_a_resized_image_is_close_to_the_exact_means(image: Image.Image, width: int, height: int, off: float) -> None:
    exact = AreaImage(image).resize(width, height, (0, 0, width, height))

    resized = Mipmap(image).resize(width, height, (0, 0, width, height))

    assert resized.shape == (3, height, width)
    assert np.abs(resized - exact).mean() < off


def test_crops_are_close_to_the_exact_means_however_large_their_regions(image: Image.Image) -> None:
    regions = np.array([[400, 110, 640, 350], [0, 0, 1201, 1001], [1140, 940, 1201, 1001], [450, 150, 480, 180]])

    crops = Mipmap(image).crops(regions, 24)

    assert crops.shape == (4, 3, 24, 24)
    off = np.abs(crops - AreaImage(image).crops(regions, 24)).mean(axis=(1, 2, 3))
    # The whole image is not square: it is read where its shorter side has enough pixels.
    assert (off < [5, 8, 5, 3]).all()


def test_a_crop_of_half_its_size_has_the_exact_means(image: Image.Image) -> None:
    regions = np.array([[400, 110, 448, 158], [4, 6, 52, 54]])

    crops = Mipmap(image).crops(regions, 24)

    assert np.abs(crops - AreaImage(image).crops(regions, 24)).max() <= 0.5


def test_a_crop_between_two_halvings_mixes_four_pixels_of_each_bin(image: Image.Image) -> None:
    pixels = np.asarray(image)[110:146, 400:436].astype(int)

    crop = Mipmap(image).crops(np.array([[400, 110, 436, 146]]), 24)[0].transpose(1, 2, 0)

    # A bin is 1.5 pixels wide: the first from 0 to 1.5, with pixels 0 and 1; the second to 3, with pixels 1 and 2.
    assert np.abs(crop[0, 0] - pixels[0:2, 0:2].mean(axis=(0, 1))).max() <= 1
    assert np.abs(crop[1, 1] - pixels[1:3, 1:3].mean(axis=(0, 1))).max() <= 1


def test_a_crop_of_its_own_size_is_the_pixels_themselves(image: Image.Image) -> None:
    crops = Mipmap(image).crops(np.array([[400, 110, 424, 134]]), 24)

    assert np.array_equal(crops[0].transpose(1, 2, 0), np.asarray(image)[110:134, 400:424])


def test_no_region_gives_no_crop(image: Image.Image) -> None:
    assert Mipmap(image).crops(np.empty((0, 4), np.intp), 48).shape == (0, 3, 48, 48)
