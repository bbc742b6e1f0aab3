"""Small JPEGs: of a picture, for browsers that cannot show its format, and of each face."""

import io
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.align import XCLOUD_5, Crop
from cv.engine.types import Picture

PREVIEW_SIDE: Final = 1600
_QUALITY: Final = 85
# A kept face: enough to recognise a person, with a margin so that it looks like a portrait.
CHIP_CROP: Final = Crop(XCLOUD_5, 96, margin=0.1)


def preview_of(pixels: Image.Image) -> Picture:
    """``pixels`` is RGB and upright. The preview has at most ``PREVIEW_SIDE`` pixels on its longer side."""
    scale = min(1.0, PREVIEW_SIDE / max(pixels.size))
    size = max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale))
    return Picture(".jpg", _jpeg(pixels.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)))


def chip_jpegs(chips: npt.NDArray[np.uint8]) -> tuple[bytes, ...]:
    """``chips`` are uint8 RGB ``(N, S, S, 3)``."""
    return tuple(_jpeg(Image.fromarray(chip)) for chip in chips)


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
