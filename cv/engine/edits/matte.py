"""Refines a small mask to the edges of the full picture: a guided filter (He, Sun, Tang 2013; fast: He, Sun 2015)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from cv.engine.edits.boxes import Floats, box_mean

# The filter's lines are fitted on a picture of this many pixels on its longer side, and applied at full size.
_GUIDE_SIDE: Final = 400
_RADIUS: Final = 5
# How different in brightness two pixels must be to be told apart, squared.
_EPSILON: Final = 1e-3
# The mask's values between which an edge runs; beyond them it is all person or all background.
_LOW, _HIGH = 0.12, 0.88


@dataclass(frozen=True, slots=True)
class Matte:
    """How much of each pixel is a person: ``slope`` times its brightness, 0 to 255, plus ``shift``. Both are images of
    float32, smaller than the photo."""

    slope: Image.Image
    shift: Image.Image

    def rows(self, photo: Image.Image, top: int, bottom: int) -> Image.Image:
        """The matte of some rows of the full photo, grey: 255 is all person."""
        scale = self.slope.height / photo.height
        values = self._values(photo.crop((0, top, photo.width, bottom)), (top * scale, bottom * scale))
        values *= 255.0
        return Image.fromarray(values.astype(np.uint8))

    def whole(self, small: Image.Image) -> Floats:
        """The matte of a reduced photo, float32 ``(h, w)`` in [0, 1]."""
        return self._values(small, (0.0, float(self.slope.height)))

    def _values(self, picture: Image.Image, rows: tuple[float, float]) -> Floats:
        box = 0.0, rows[0], float(self.slope.width), rows[1]
        slope, shift = (
            np.array(line.resize(picture.size, Image.Resampling.BILINEAR, box=box), np.float32)
            for line in (self.slope, self.shift)
        )
        slope *= np.asarray(picture.convert("L"))
        slope += shift
        return slope.clip(0, 1, out=slope)


def fit_matte(photo: Image.Image, mask: Floats) -> Matte:
    """``photo`` is RGB and may be reduced, ``mask`` float32 ``(h, w)`` in [0, 1] of the same view."""
    scale = min(1.0, _GUIDE_SIDE / max(photo.size))
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    guide = np.asarray(photo.resize(size, Image.Resampling.BILINEAR).convert("L"), np.float32) / 255
    target = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR))
    means = box_mean(np.stack([guide, target, guide * target, guide * guide], axis=2), _RADIUS)
    mean_guide, mean_target, product, square = np.moveaxis(means, 2, 0)
    slope = (product - mean_guide * mean_target) / (square - mean_guide**2 + _EPSILON)
    lines = box_mean(np.stack([slope, mean_target - slope * mean_guide], axis=2), _RADIUS) / (_HIGH - _LOW)
    lines[:, :, 0] /= 255
    lines[:, :, 1] -= _LOW / (_HIGH - _LOW)
    return Matte(*(Image.fromarray(np.ascontiguousarray(lines[:, :, i])) for i in range(2)))
