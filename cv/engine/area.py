"""Area resampling of many regions of one image, each pixel the exact mean of the pixels that it covers.

The bins are those of PyTorch's ``adaptive_avg_pool2d``, which MTCNN's PyTorch weights were validated with. Sums come
from an integral image (Crow 1984), so a region costs its output size, however large the region is.
"""

import numpy as np
import numpy.typing as npt

Regions = npt.NDArray[np.intp]


class AreaImage:
    """An image prepared for area resampling: uint8 RGB ``(H, W, 3)``."""

    def __init__(self, pixels: npt.NDArray[np.uint8]) -> None:
        height, width, channels = pixels.shape
        # uint32 may wrap around; the difference of two sums is right all the same while a bin has < 16 million pixels.
        self._sums = np.zeros((height + 1, width + 1, channels), dtype=np.uint32)
        np.cumsum(pixels, axis=1, dtype=np.uint32, out=self._sums[1:, 1:])
        np.cumsum(self._sums[1:], axis=0, out=self._sums[1:])
        self.size = (width, height)

    def resize(self, width: int, height: int) -> npt.NDArray[np.float32]:
        """The whole image: float32 RGB ``(height, width, 3)`` in [0, 255]."""
        left, right = _bins(np.array([0]), np.array([self.size[0]]), width)
        top, bottom = _bins(np.array([0]), np.array([self.size[1]]), height)
        rows = self._sums[bottom[0]] - self._sums[top[0]]
        sums = rows[:, right[0]] - rows[:, left[0]]
        counts = (bottom - top).T * (right - left)
        return np.asarray(sums / counts[..., None], dtype=np.float32)

    def crops(self, regions: Regions, size: int) -> npt.NDArray[np.float32]:
        """Regions ``(N, 4)`` xyxy, whole pixels inside the image → float32 RGB ``(N, size, size, 3)`` in [0, 255]."""
        left, right = (edges[:, None, :] for edges in _bins(regions[:, 0], regions[:, 2], size))
        top, bottom = (edges[:, :, None] for edges in _bins(regions[:, 1], regions[:, 3], size))
        sums = self._sums[bottom, right] - self._sums[bottom, left] - self._sums[top, right] + self._sums[top, left]
        counts = (bottom - top) * (right - left)
        return np.asarray(sums / counts[..., None], dtype=np.float32)


def _bins(start: Regions, end: Regions, count: int) -> tuple[Regions, Regions]:
    """First and past-the-last pixel of each of ``count`` bins of every region: two ``(N, count)``."""
    length = (end - start)[:, None]
    i = np.arange(count)[None]
    return start[:, None] + i * length // count, start[:, None] - (-(i + 1) * length // count)
