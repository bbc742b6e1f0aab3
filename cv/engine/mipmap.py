"""Area resampling of large images: each region is read from the smallest copy that still shows enough of it.

Mipmaps (Williams 1983): the image, halved again and again. A result's pixels are the means of what they cover, but for
the width of one pixel of the copy, and cost the same however large the region is.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.area import Regions

# A mean that fades out at its edges: a plain one would take or leave whole pixels.
_FILTER = Image.Resampling.HAMMING
# A copy is read only where it has so many pixels, along each side, for each pixel of the result.
_DETAIL = 1.5


class Mipmap:
    """An RGB image with its halved copies, each made when it is first needed. As ``AreaImage``, but not exact."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.size = image.size

    @cached_property
    def _half(self) -> "Mipmap":
        return Mipmap(self.image.reduce(2))

    def resize(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """The whole image: uint8 RGB ``(height, width, 3)``."""
        pixels = self._resized((0, 0, *self.size), (width, height)).tobytes()
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    def crops(self, regions: Regions, size: int) -> npt.NDArray[np.uint8]:
        """Regions ``(N, 4)`` xyxy, whole pixels inside the image → uint8 RGB ``(N, size, size, 3)``."""
        pixels = b"".join(self._resized(tuple(region), (size, size)).tobytes() for region in regions.tolist())
        return np.frombuffer(pixels, np.uint8).reshape(len(regions), size, size, 3)

    def _resized(self, region: tuple[float, float, float, float], size: tuple[int, int]) -> Image.Image:
        left, top, right, bottom = region
        if min((right - left) / size[0], (bottom - top) / size[1]) >= 2 * _DETAIL:
            # Not the whole half: that of an odd image covers half a pixel more.
            return self._half._resized((left / 2, top / 2, right / 2, bottom / 2), size)
        return self.image.resize(size, _FILTER, box=region)
