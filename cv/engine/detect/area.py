"""Area resampling of many regions of one image, each pixel the exact mean of the pixels that it covers.

The bins are those of PyTorch's ``adaptive_avg_pool2d``, which MTCNN's PyTorch weights were validated with. Sums come
from an integral image (Crow 1984), so a region costs its output size, however large the region is. The sums of the
three colours share one number, which takes two thirds of the time of three numbers.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Regions = npt.NDArray[np.intp]
Bins = tuple[Regions, Regions]
Sums = npt.NDArray[np.uint64]
Packed = npt.NDArray[np.uint32]

# Bits of a colour's sum. The numbers may wrap around; the difference of two is still right if no bin has more pixels
# than ``MOST_PIXELS``: the fields of its sum then do not reach into each other. No bin of the detector has more.
_BITS: Final = 21
MOST_PIXELS: Final = 2**_BITS // 255


class AreaImage:
    """An RGB image prepared for area resampling."""

    def __init__(self, image: Image.Image) -> None:
        width, height = image.size
        pixels = pack(image).astype(np.uint64)
        self._sums = np.zeros((height + 1, width + 1), np.uint64)
        sums = self._sums[1:, 1:]
        for channel in range(3):
            # From its byte to its field.
            byte = pixels & np.uint64(0xFF << 8 * channel)
            byte <<= np.uint64((_BITS - 8) * channel)
            sums += byte
        # Row by row: several times as fast as one cumsum over the first axis.
        for above, row in zip(self._sums, self._sums[1:], strict=False):
            row += above
        np.cumsum(self._sums, axis=1, out=self._sums)
        self.size = image.size

    def resize(self, width: int, height: int, window: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
        """The window xyxy of the image of ``width`` × ``height``: float32 RGB ``(3, H, W)`` in [0, 255]."""
        x1, y1, x2, y2 = window
        left, right = (edges[0, x1:x2] for edges in _bins(np.array([0]), np.array([self.size[0]]), width))
        top, bottom = (edges[0, y1:y2] for edges in _bins(np.array([0]), np.array([self.size[1]]), height))
        rows = self._sums.take(bottom, axis=0)
        rows -= self._sums.take(top, axis=0)
        sums = rows.take(right, axis=1)
        sums -= rows.take(left, axis=1)
        return _means(sums, (bottom - top)[:, None] * (right - left))

    def crops(self, regions: Regions, size: int) -> npt.NDArray[np.float32]:
        """Regions ``(N, 4)`` xyxy, whole pixels inside the image → float32 RGB ``(N, 3, size, size)`` in [0, 255]."""
        left, right = (edges[:, None, :] for edges in _bins(regions[:, 0], regions[:, 2], size))
        top, bottom = (edges[:, :, None] for edges in _bins(regions[:, 1], regions[:, 3], size))
        # One index per pixel: NumPy takes from a flat list much faster than from a grid.
        pixels, width = self._sums.reshape(-1), self._sums.shape[1]
        upper, lower = top * width, bottom * width
        sums = pixels.take(lower + right)
        sums -= pixels.take(lower + left)
        sums -= pixels.take(upper + right)
        sums += pixels.take(upper + left)
        return _means(sums, (bottom - top) * (right - left))


def _means(sums: Sums, counts: Regions) -> npt.NDArray[np.float32]:
    """Sums ``(…, H, W)`` of ``counts`` ``(…, H, W)`` pixels each → ``(…, 3, H, W)``."""
    means = unpack(sums, _BITS)
    means *= (np.float32(1) / counts.astype(np.float32))[..., None, :, :]
    return means


def pack(image: Image.Image) -> Packed:
    """An RGB image → ``(H, W)``: red, green, blue and an unused byte of each pixel in one number, red lowest."""
    return np.frombuffer(image.tobytes("raw", "RGBX"), "<u4").reshape(image.height, image.width)


def unpack(packed: npt.NDArray[np.unsignedinteger], bits: int) -> npt.NDArray[np.float32]:
    """Numbers ``(…, H, W)`` with ``bits`` for each of three colours → ``(…, 3, H, W)``."""
    *leading, height, width = packed.shape
    planes = np.empty((*leading, 3, height, width), np.float32)
    number = packed.dtype.type
    for channel in range(3):
        # Processors turn 32-bit integers into floats several at a time.
        field = (packed >> number(channel * bits)) & number(2**bits - 1)
        planes[..., channel, :, :] = field.astype(np.int32)
    return planes


def _bins(start: Regions, end: Regions, count: int) -> Bins:
    """First and past-the-last pixel of each of ``count`` bins of every region: two ``(N, count)``."""
    length = (end - start)[:, None]
    i = np.arange(count)[None]
    return start[:, None] + i * length // count, start[:, None] - (-(i + 1) * length // count)
