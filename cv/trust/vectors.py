"""Seals embeddings: a face can be found by its vector, so a copy of the database must not reveal it."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cv.trust.sealing import seal_bytes, unseal_bytes

PURPOSE: Final = "face vector"
# Half precision changes a cosine by less than 0.0005, and halves the table.
STORED: Final = np.dtype("<f2")


def unit(vector: Any) -> npt.NDArray[np.float32]:
    """The vector as float32 (D,) of length 1. Raises ValueError if it has no direction."""
    values = np.asarray(vector, np.float64)
    # Of numbers that are too large for a length it is infinite.
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(values))
    if values.ndim != 1 or not np.isfinite(length) or length < 1e-6:
        raise ValueError("not a vector with a direction")
    return (values / length).astype(np.float32)


def seal_vector(vector: npt.NDArray[np.float32], place: str) -> bytes:
    """``vector`` is a unit vector, float32 (D,); ``place`` names the row."""
    return seal_bytes(PURPOSE, vector.astype(STORED).tobytes(), place)


def unseal_vector(sealed: bytes | memoryview, place: str) -> npt.NDArray[np.float32]:
    """One unit vector of any model, float32 (D,). Raises Unreadable."""
    return unit(np.frombuffer(unseal_bytes(PURPOSE, bytes(sealed), place), STORED))


def reseal_vector(sealed: bytes | memoryview, place: str, new_place: str) -> bytes:
    """The same vector, sealed for another row. Raises Unreadable."""
    return seal_bytes(PURPOSE, unseal_bytes(PURPOSE, bytes(sealed), place), new_place)


def unseal_vectors(rows: Iterable[tuple[bytes | memoryview, str]], dimensions: int) -> npt.NDArray[np.float32]:
    """Unit vectors, float32 (N, D), of sealed vectors with the name of their row. Raises Unreadable."""
    data = b"".join(unseal_bytes(PURPOSE, bytes(sealed), place) for sealed, place in rows)
    vectors = np.frombuffer(data, STORED).reshape(-1, dimensions).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
