"""Area resampling of many regions of one image, each pixel the exact mean of the pixels that it covers.

The bins are those of PyTorch's ``adaptive_avg_pool2d``, which MTCNN's PyTorch weights were validated with. Sums come
from an integral image (Crow 1984), so a region costs its output size, however large the region is.
"""

import numpy as np
import numpy.typing as npt

Regions = npt.NDArray[np.intp]
Bins = tuple[Regions, Regions]


class AreaImage:
    """An image prepared for area resampling: uint8 RGB ``(H, W, 3)``."""

    def __init__(self, pixels: npt.NDArray[np.uint8]) -> None:
        height, width, channels = pixels.shape
        # uint32 may wrap around; the difference of two sums is still right if a bin has < 16 million pixels.
        self._sums = np.zeros((height + 1, width + 1, channels), dtype=np.uint32)
        self._sums[1:, 1:] = pixels
        # Row by row and without a cast: several times as fast as one cumsum over the first axis.
        for above, row in zip(self._sums, self._sums[1:], strict=False):
            row += above
        np.cumsum(self._sums, axis=1, out=self._sums)
        self.size = (width, height)

    def resize(self, width: int, height: int, window: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
        """The window xyxy of the image of ``width`` × ``height``: float32 RGB ``(H, W, 3)`` in [0, 255]."""
        x1, y1, x2, y2 = window
        left, right = (edges[0, x1:x2] for edges in _bins(np.array([0]), np.array([self.size[0]]), width))
        top, bottom = (edges[0, y1:y2] for edges in _bins(np.array([0]), np.array([self.size[1]]), height))
        rows = self._sums.take(bottom, axis=0)
        rows -= self._sums.take(top, axis=0)
        sums = rows.take(right, axis=1)
        sums -= rows.take(left, axis=1)
        return _means(sums, (bottom - top)[:, None] * (right - left))

    def crops(self, regions: Regions, size: int) -> npt.NDArray[np.float32]:
        """Regions ``(N, 4)`` xyxy, whole pixels inside the image → float32 RGB ``(N, size, size, 3)`` in [0, 255]."""
        left, right = (edges[:, None, :] for edges in _bins(regions[:, 0], regions[:, 2], size))
        top, bottom = (edges[:, :, None] for edges in _bins(regions[:, 1], regions[:, 3], size))
        height, width, channels = self._sums.shape
        # One index per pixel: NumPy takes whole pixels from a flat list much faster than from a grid.
        pixels = self._sums.reshape(height * width, channels)
        upper, lower = top * width, bottom * width
        sums = pixels.take(lower + right, axis=0)
        sums -= pixels.take(lower + left, axis=0)
        sums -= pixels.take(upper + right, axis=0)
        sums += pixels.take(upper + left, axis=0)
        return _means(sums, (bottom - top) * (right - left))


def _means(sums: npt.NDArray[np.uint32], counts: Regions) -> npt.NDArray[np.float32]:
    """Sums ``(…, 3)`` of ``counts`` ``(…)`` pixels each."""
    means = sums.astype(np.float32)
    means *= (np.float32(1) / counts.astype(np.float32))[..., None]
    return means


def _bins(start: Regions, end: Regions, count: int) -> Bins:
    """First and past-the-last pixel of each of ``count`` bins of every region: two ``(N, count)``."""
    length = (end - start)[:, None]
    i = np.arange(count)[None]
    return start[:, None] + i * length // count, start[:, None] - (-(i + 1) * length // count)
