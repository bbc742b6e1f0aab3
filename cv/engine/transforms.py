"""Converts pixels to the inputs of the nets; shared by training and serving."""

import numpy as np
import numpy.typing as npt


def chips_to_input(chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """uint8 RGB ``(N, S, S, 3)`` → float32 RGB ``(N, 3, S, S)`` in [0, 255]; the net normalises."""
    return np.ascontiguousarray(chips.transpose(0, 3, 1, 2), dtype=np.float32)


def crops_to_input(crops: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 RGB ``(…)`` in [0, 255] → in [-1, 1], as MTCNN was trained; changes ``crops`` itself."""
    crops -= np.float32(127.5)
    crops *= np.float32(1 / 128)
    return crops
