"""Area resampling of large images: each region is read from the smallest copy that still shows enough of it.

Mipmaps (Williams 1983): the image, halved again and again. Each pixel of a result is the mean of four pixels of the
copy in which it is one to two pixels wide. That is nearly the mean of the area it covers, at a cost that does not
depend on the size of the area.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.detect.area import Packed, Regions, pack, unpack

# A larger image is packed part by part as it is read, so that it is not in memory twice.
PACKED_PIXELS = 2**24
# Of each colour of a packed pixel.
_BITS = 8


class Mipmap:
    """An RGB image with its halved copies, each made when first needed. Like ``AreaImage``, but approximate."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.size = image.size

    @cached_property
    def _half(self) -> "Mipmap":
        return Mipmap(self.image.reduce(2))

    @cached_property
    def _packed(self) -> Packed:
        return pack(self.image)

    def _part(self, box: tuple[int, int, int, int]) -> Packed:
        """The region xyxy of the image, ``(H, W)``, contiguous."""
        if self._is_large:
            return pack(self.image.crop(box))
        left, top, right, bottom = box
        return np.ascontiguousarray(self._packed[top:bottom, left:right])

    def resize(self, width: int, height: int, window: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
        """The window xyxy of the image of ``width`` × ``height``: float32 RGB ``(3, H, W)`` in [0, 255]."""
        halving = int(_halvings(min(self.size[0] / width, self.size[1] / height)))
        copy = self._halved(halving)
        # Not the whole copy: if a side of the image is odd, the copy covers half a pixel more.
        whole = np.array([[0, 0, *self.size]]) / 2**halving
        x1, y1, x2, y2 = window
        upper, lower = (rows[0] for rows in copy._quarters(whole, height, axis=1, bins=range(y1, y2)))
        left, right = (columns[0] for columns in copy._quarters(whole, width, axis=0, bins=range(x1, x2)))
        if window == (0, 0, width, height) and not copy._is_large:
            lines = copy._packed
        else:
            x, y = int(left[0]), int(upper[0])
            lines = copy._part((x, y, int(right[-1]) + 1, int(lower[-1]) + 1))
            left, right, upper, lower = left - x, right - x, upper - y, lower - y
        # Rows first: they are contiguous.
        rows = _mean(lines.take(upper, axis=0), lines.take(lower, axis=0))
        return unpack(_mean(rows.take(left, axis=1), rows.take(right, axis=1)), _BITS)

    def crops(self, regions: Regions, size: int) -> npt.NDArray[np.float32]:
        """Regions ``(N, 4)`` xyxy, whole pixels inside the image → float32 RGB ``(N, 3, size, size)`` in [0, 255]."""
        halvings = _halvings((regions[:, 2:] - regions[:, :2]).min(axis=1) / size)
        packed = np.empty((len(regions), size, size), np.uint32)
        for halving in np.unique(halvings):
            chosen = halvings == halving
            packed[chosen] = self._halved(halving)._sampled(regions[chosen] / 2**halving, size)
        return unpack(packed, _BITS)

    def _halved(self, times: int) -> "Mipmap":
        return self._half._halved(times - 1) if times else self

    @property
    def _is_large(self) -> bool:
        return self.size[0] * self.size[1] > PACKED_PIXELS

    def _sampled(self, regions: npt.NDArray[np.float64], size: int) -> Packed:
        """The mean of the four pixels at the quarters of each bin, ``(N, size, size)``."""
        left, right = self._quarters(regions, size, axis=0, bins=range(size))
        upper, lower = self._quarters(regions, size, axis=1, bins=range(size))
        if not self._is_large:
            return _four_means(self._packed, left, right, upper, lower)
        packed = np.empty((len(regions), size, size), np.uint32)
        for i in range(len(regions)):
            x, y = int(left[i, 0]), int(upper[i, 0])
            part = self._part((x, y, int(right[i, -1]) + 1, int(lower[i, -1]) + 1))
            packed[i] = _four_means(
                part,
                *(edges[i : i + 1] - x for edges in (left, right)),
                *(edges[i : i + 1] - y for edges in (upper, lower)),
            )[0]
        return packed

    def _quarters(self, regions: npt.NDArray[np.float64], size: int, axis: int, bins: range) -> tuple[Regions, Regions]:
        """The pixels at a quarter and at three quarters of each of ``bins``, of the ``size`` along an axis: two
        ``(N, len(bins))``."""
        start, length = regions[:, axis, None], (regions[:, axis + 2] - regions[:, axis])[:, None]
        places = np.arange(bins.start, bins.stop)
        first, second = (
            np.minimum((start + length * ((places + part) / size)).astype(np.intp), self.size[axis] - 1)
            for part in (0.25, 0.75)
        )
        return first, second


def _halvings(shrink: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """How often an image is halved before a bin of ``shrink`` pixels is one to two pixels wide."""
    return np.log2(np.maximum(shrink, 1)).astype(np.intp)


def _four_means(pixels: Packed, left: Regions, right: Regions, upper: Regions, lower: Regions) -> Packed:
    """Means of four pixels of ``(H, W)``, at columns and rows ``(N, size)`` each: ``(N, size, size)``."""
    flat, width = pixels.reshape(-1), pixels.shape[1]
    left, right = left[:, None, :], right[:, None, :]
    upper, lower = upper[:, :, None] * width, lower[:, :, None] * width
    return _mean(
        _mean(flat.take(upper + left), flat.take(upper + right)),
        _mean(flat.take(lower + left), flat.take(lower + right)),
    )


def _mean(one: Packed, other: Packed) -> Packed:
    """The mean of each of the four bytes, rounded down: the common bits plus half of the others. Changes ``one``."""
    shared = one & other
    one ^= other
    one &= np.uint32(0xFEFEFEFE)
    one >>= np.uint32(1)
    shared += one
    return shared
