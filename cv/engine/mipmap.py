"""Area resampling of large images: each region is read from the smallest copy that still shows enough of it.

Mipmaps (Williams 1983): the image, halved again and again. A result's pixels are nearly the means of what they cover,
and cost the same however large the region is.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.area import Regions

# A mean that fades out at its edges: a plain one would take or leave whole pixels.
_FILTER = Image.Resampling.HAMMING
# The whole image is read from a copy only where that has so many pixels, along each side, for each of the result's.
_DETAIL = 1.5

Packed = npt.NDArray[np.uint32]


class Mipmap:
    """An RGB image with its halved copies, each made when it is first needed. As ``AreaImage``, but not exact."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.size = image.size

    @cached_property
    def _half(self) -> "Mipmap":
        return Mipmap(self.image.reduce(2))

    @cached_property
    def _packed(self) -> Packed:
        """``(H·W,)``: red, green, blue and an unused byte of a pixel as one number, which NumPy takes at once."""
        return np.frombuffer(self.image.tobytes("raw", "RGBX"), np.uint32)

    def resize(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """The whole image: uint8 RGB ``(height, width, 3)``."""
        pixels = self._resized(self.size, (width, height)).tobytes()
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    def crops(self, regions: Regions, size: int) -> npt.NDArray[np.uint8]:
        """Regions ``(N, 4)`` xyxy, whole pixels inside the image → uint8 RGB ``(N, size, size, 3)``.

        Each pixel is the mean of four of the copy in which it is one to two pixels wide.
        """
        sides = (regions[:, 2:] - regions[:, :2]).min(axis=1)
        halvings = np.log2(np.maximum(sides / size, 1)).astype(int)
        packed = np.empty((len(regions), size, size), np.uint32)
        for halving in np.unique(halvings):
            chosen = halvings == halving
            packed[chosen] = self._halved(halving)._sampled(regions[chosen] / 2**halving, size)
        return packed.view(np.uint8).reshape(*packed.shape, 4)[..., :3]

    def _halved(self, times: int) -> "Mipmap":
        return self._half._halved(times - 1) if times else self

    def _sampled(self, regions: npt.NDArray[np.float64], size: int) -> Packed:
        """The mean of the four pixels at the quarters of each bin, ``(N, size, size)``."""
        left, right = (columns[:, None, :] for columns in self._quarters(regions, size, axis=0))
        upper, lower = (rows[:, :, None] * self.size[0] for rows in self._quarters(regions, size, axis=1))
        take = self._packed.take
        return _mean(_mean(take(upper + left), take(upper + right)), _mean(take(lower + left), take(lower + right)))

    def _quarters(self, regions: npt.NDArray[np.float64], size: int, axis: int) -> tuple[Regions, Regions]:
        """The pixels at a quarter and at three quarters of each bin along an axis: two ``(N, size)``."""
        start, length = regions[:, axis, None], (regions[:, axis + 2] - regions[:, axis])[:, None]
        bins = np.arange(size)
        first, second = (
            np.minimum((start + length * ((bins + part) / size)).astype(np.intp), self.size[axis] - 1)
            for part in (0.25, 0.75)
        )
        return first, second

    def _resized(self, extent: tuple[float, float], size: tuple[int, int]) -> Image.Image:
        """The image's left upper part of this width and height."""
        width, height = extent
        if min(width / size[0], height / size[1]) >= 2 * _DETAIL:
            # Not the whole half: that of an odd image covers half a pixel more.
            return self._half._resized((width / 2, height / 2), size)
        return self.image.resize(size, _FILTER, box=(0, 0, *extent))


def _mean(one: Packed, other: Packed) -> Packed:
    """Of each of the four bytes, rounded down: what both share, and half of what only one has. Changes ``one``."""
    shared = one & other
    one ^= other
    one &= np.uint32(0xFEFEFEFE)
    one >>= np.uint32(1)
    shared += one
    return shared
