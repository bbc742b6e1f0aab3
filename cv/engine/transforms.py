"""Pixels to the numbers that the nets take; shared by training and serving."""

import numpy as np
import numpy.typing as npt

# Mean colour (RGB) and scale of dlib's ``input_rgb_image_sized``, which the trunk was trained with.
_CHIP_MEAN = np.array([122.782, 117.001, 104.298], dtype=np.float32)
_CHIP_SCALE = np.float32(256)


def chips_to_input(chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """uint8 RGB ``(N, S, S, 3)`` → float32 RGB ``(N, 3, S, S)``, about [-0.5, 0.6]."""
    normalised = (chips.astype(np.float32) - _CHIP_MEAN) / _CHIP_SCALE
    return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2))


def crops_to_input(crops: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 RGB ``(N, H, W, 3)`` in [0, 255] → float32 RGB ``(N, 3, H, W)`` in [-1, 1], as MTCNN was trained."""
    normalised = (crops - np.float32(127.5)) * np.float32(1 / 128)
    return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2))
