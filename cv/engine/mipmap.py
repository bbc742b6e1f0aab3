"""Area resampling of large images: each region is read from the smallest copy that still shows enough of it.

Mipmaps (Williams 1983): the image, halved again and again. Each pixel of a result is the mean of four of the copy in
which it is one to two pixels wide: nearly the mean of what it covers, at the same cost however much that is.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.area import Regions

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
        halving = int(_halvings(min(self.size[0] / width, self.size[1] / height)))
        copy = self._halved(halving)
        # Not the whole copy: that of an odd image covers half a pixel more.
        whole = np.array([[0, 0, *self.size]]) / 2**halving
        upper, lower = (rows[0] for rows in copy._quarters(whole, height, axis=1))
        left, right = (columns[0] for columns in copy._quarters(whole, width, axis=0))
        lines = copy._packed.reshape(copy.size[::-1])
        # Rows first: they lie in one piece.
        rows = _mean(lines.take(upper, axis=0), lines.take(lower, axis=0))
        return _unpacked(_mean(rows.take(left, axis=1), rows.take(right, axis=1)))

    def crops(self, regions: Regions, size: int) -> npt.NDArray[np.uint8]:
        """Regions ``(N, 4)`` xyxy, whole pixels inside the image → uint8 RGB ``(N, size, size, 3)``."""
        halvings = _halvings((regions[:, 2:] - regions[:, :2]).min(axis=1) / size)
        packed = np.empty((len(regions), size, size), np.uint32)
        for halving in np.unique(halvings):
            chosen = halvings == halving
            packed[chosen] = self._halved(halving)._sampled(regions[chosen] / 2**halving, size)
        return _unpacked(packed)

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


def _halvings(shrink: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """How often an image is halved before a bin of ``shrink`` pixels is one to two pixels wide."""
    return np.log2(np.maximum(shrink, 1)).astype(np.intp)


def _unpacked(packed: Packed) -> npt.NDArray[np.uint8]:
    """``(…)`` → RGB ``(…, 3)``."""
    return packed.view(np.uint8).reshape(*packed.shape, 4)[..., :3]


def _mean(one: Packed, other: Packed) -> Packed:
    """Of each of the four bytes, rounded down: what both share, and half of what only one has. Changes ``one``."""
    shared = one & other
    one ^= other
    one &= np.uint32(0xFEFEFEFE)
    one >>= np.uint32(1)
    shared += one
    return shared
