"""Traits of a chip on which the certainty of an answer depends, whatever the face looks like."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

# ``small``: how often the face's side must be doubled to fill its chip, from 0 to 3. ``grey``: 1 if it has no colour.
TRAITS: Final = ("small", "grey")
_SMALLEST = 3.0
# Mean difference between the channels, of 255. JPEG and WebP leave some colour in grey pictures.
_GREY_BELOW = 3.0


def measure_traits(chips: npt.NDArray[np.uint8], scales: Sequence[float]) -> npt.NDArray[np.float32]:
    """uint8 RGB ``(N, S, S, 3)``, and the photo's pixels for each of a chip's → float32 ``(N, len(TRAITS))``."""
    small = np.clip(-np.log2(np.maximum(np.asarray(scales, dtype=np.float32), 1e-6)), 0, _SMALLEST)
    # Every fourth pixel is enough. NumPy compares whole arrays several times as fast as it reduces an axis of three.
    red, green, blue = np.moveaxis(chips[:, ::4, ::4], 3, 0)
    spread = (np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)).mean(axis=(1, 2))
    return np.stack([small, spread < _GREY_BELOW], axis=1).astype(np.float32)
