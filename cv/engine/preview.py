"""A small JPEG of a picture, for browsers that cannot show its format."""

import io
from typing import Final

from PIL import Image

from cv.engine.types import Picture

PREVIEW_SIDE: Final = 1600
_QUALITY: Final = 85


def preview_of(pixels: Image.Image) -> Picture:
    """``pixels`` is RGB and upright. The preview has at most ``PREVIEW_SIDE`` pixels on its longer side."""
    scale = min(1.0, PREVIEW_SIDE / max(pixels.size))
    size = max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale))
    file = io.BytesIO()
    pixels.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0).save(file, "JPEG", quality=_QUALITY)
    return Picture(".jpg", file.getvalue())
