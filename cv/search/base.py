"""What every search backend does. Vectors are unit vectors, so their inner product is the cosine similarity."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt

# float32 (N, D), each row of length 1.
Vectors = npt.NDArray[np.float32]
# int64 (N,): the primary keys of the rows in SQL.
Keys = npt.NDArray[np.int64]


class Search(StrEnum):
    """Where vectors are searched; one setting chooses it."""

    EXACT = "exact"
    PGVECTOR = "pgvector"
    MILVUS = "milvus"


class SearchUnavailable(Exception):
    """The server of the search index does not answer. ``code`` is stable and part of the public API."""

    code = "search_unavailable"


class CollectionTooLarge(SearchUnavailable):
    """A collection has more faces than may be searched in the memory of a process."""

    code = "collection_too_large"


@dataclass(frozen=True, slots=True)
class Hit:
    """A vector that was found, by its key, and its cosine similarity to the probe, in [-1, 1]."""

    key: int
    similarity: float


class VectorIndex(Protocol):
    """Vectors in galleries, one gallery a collection. Thread-safe. Every method may raise SearchUnavailable.

    ``shared`` indexes are one for all processes, and outlast them; others belong to one process.
    """

    shared: bool

    def add(self, gallery: UUID, keys: Keys, vectors: Vectors) -> None:
        """Adds vectors; one with a key that is already there replaces it."""

    def remove(self, gallery: UUID, keys: Keys) -> None:
        """Removes vectors; a key that is not there is no error."""

    def drop(self, gallery: UUID) -> None:
        """Removes a whole gallery, there or not."""

    def search(self, gallery: UUID, probes: Vectors, k: int) -> list[list[Hit]]:
        """For each probe the ``k`` most similar vectors, or all if there are fewer; the most similar first."""

    def count(self, gallery: UUID) -> int:
        """How many vectors the gallery has; 0 if there is no gallery."""

    def keys(self, gallery: UUID) -> Keys:
        """The keys of the gallery, in any order."""

    def galleries(self) -> list[UUID]:
        """The galleries that have been added to and not dropped."""


def as_keys(keys: Any) -> Keys:
    return np.fromiter(keys, np.int64)


def ranked(keys: Keys, similarities: npt.NDArray[np.float32], k: int) -> list[Hit]:
    """The ``k`` best of one probe, the most similar first; among equals the one with the lowest key."""
    order = np.lexsort((keys, -similarities))[:k]
    return [Hit(int(keys[i]), float(np.clip(similarities[i], -1.0, 1.0))) for i in order]
