"""Aligns a face: five landmarks to a chip by one similarity transform, the same in training and serving."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.types import Landmarks, Point


@dataclass(frozen=True, slots=True)
class Template:
    """The positions of the five landmarks in a chip of side 1, in the order of ``Landmarks``."""

    name: str
    points: tuple[Point, Point, Point, Point, Point]

    @property
    def array(self) -> npt.NDArray[np.float64]:
        """float64 ``(5, 2)``"""
        return np.array(self.points, dtype=np.float64)


# The medians of the cascade's landmarks in dlib's face chips (padding 0.25) of every sixth face of UTKFace `val`, made
# symmetric, so that dlib's weights get chips like those in their training.
XCLOUD_5: Final = Template(
    "xcloud-5", ((0.318, 0.306), (0.677, 0.306), (0.4975, 0.518), (0.338, 0.673), (0.657, 0.673))
)
TEMPLATE: Final = XCLOUD_5.array
# InsightFace's template of 112 pixels (ArcFace, Deng et al. 2019), which nets that compare faces were trained with.
ARCFACE_5: Final = Template(
    "arcface-5",
    (
        (38.2946 / 112, 51.6963 / 112),
        (73.5318 / 112, 51.5014 / 112),
        (56.0252 / 112, 71.7366 / 112),
        (41.5493 / 112, 92.3655 / 112),
        (70.7299 / 112, 92.2041 / 112),
    ),
)
# By name, as in the manifest.
TEMPLATES: Final = {template.name: template for template in (XCLOUD_5, ARCFACE_5)}


@dataclass(frozen=True, slots=True)
class Crop:
    """The part of a face that a reader needs: a chip of ``size`` pixels a side. The template's unit square in it has a
    ``margin`` on every side, as a share of the square's side."""

    template: Template
    size: int
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Similarity:
    """Rotation, scale and shift of the plane as one complex line: ``z ↦ a·z + b``."""

    a: complex
    b: complex

    @property
    def scale(self) -> float:
        return abs(self.a)

    def inverse(self) -> "Similarity":
        return Similarity(1 / self.a, -self.b / self.a)

    def then(self, other: "Similarity") -> "Similarity":
        """This one first, then the other."""
        return Similarity(other.a * self.a, other.a * self.b + other.b)

    def enlarged(self, factor: float) -> "Similarity":
        """The same, then enlarged from the origin."""
        return Similarity(self.a * factor, self.b * factor)

    def shifted(self, pixels: float) -> "Similarity":
        """The same, then moved right and down."""
        return Similarity(self.a, self.b + complex(pixels, pixels))


def fit_similarity(source: Iterable[Point], target: Iterable[Point]) -> Similarity:
    """Least-squares similarity without reflection that maps ``source`` to ``target``, as many points each.

    In the plane Umeyama's method (1991) reduces to one complex regression. For five points, Python's numbers take a
    fifth of the time of NumPy's arrays.
    """
    z, w = ([complex(x, y) for x, y in points] for points in (source, target))
    z_middle, w_middle = sum(z) / len(z), sum(w) / len(w)
    spread = sum(abs(p - z_middle) ** 2 for p in z)
    shared = sum((p - z_middle).conjugate() * (q - w_middle) for p, q in zip(z, w, strict=True))
    a = shared / spread if spread > 0 else 0j
    if a == 0:
        a = 1 + 0j
    return Similarity(a, w_middle - a * z_middle)


def crop_similarity(landmarks: Landmarks, crop: Crop) -> Similarity:
    """Maps the image to a chip of the crop; ``landmarks`` are in the image's pixels."""
    square = crop.size / (1 + 2 * crop.margin)
    return chip_similarity(landmarks, square, crop.template).shifted(crop.margin * square)


def chip_similarity(landmarks: Landmarks, size: float, template: Template = XCLOUD_5) -> Similarity:
    """Maps the image to a chip of ``size`` pixels without a margin; ``landmarks`` are in the image's pixels."""
    return fit_similarity(landmarks, ((x * size, y * size) for x, y in template.points))


def whole_picture_similarity(image_size: tuple[int, int], size: int) -> Similarity:
    """Maps a whole picture to a chip if no face is found in it: the longer side fills the chip."""
    scale = size / max(image_size)
    return Similarity(complex(scale), complex(size, size) / 2 - scale * complex(*image_size) / 2)


def warp(image: Image.Image, to_chip: Similarity, size: int) -> npt.NDArray[np.uint8]:
    """The chip of one face: uint8 RGB ``(size, size, 3)``. What lies outside the image is black.

    Bilinear if the chip enlarges the image; if it shrinks the image, averaged first against aliasing.
    """
    to_image = to_chip.inverse()
    corners = [to_image.a * z + to_image.b for z in (0, size, size * 1j, size * (1 + 1j))]
    columns, rows = [z.real for z in corners], [z.imag for z in corners]
    left, top = math.floor(min(columns)) - 1, math.floor(min(rows)) - 1
    right, bottom = math.ceil(max(columns)) + 1, math.ceil(max(rows)) + 1
    left, right = (min(max(x, 0), image.width) for x in (left, right))
    top, bottom = (min(max(y, 0), image.height) for y in (top, bottom))
    if left >= right or top >= bottom:
        return np.zeros((size, size, 3), dtype=np.uint8)
    region = image.crop((left, top, right, bottom))
    factor = max(1, int(to_image.scale))
    if factor > 1:
        region = region.reduce(factor)
    a, b = to_image.a / factor, (to_image.b - complex(left, top)) / factor
    chip = region.transform(
        (size, size),
        Image.Transform.AFFINE,
        (a.real, -a.imag, b.real, a.imag, a.real, b.imag),
        resample=Image.Resampling.BILINEAR,
    )
    return np.asarray(chip)
