"""Exact search in the memory of each process: NumPy, and faiss for large galleries if it is installed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Final
from uuid import UUID

import numpy as np

from cv.search.base import Hit, Keys, Vectors, ranked

# From this many vectors on faiss holds them, in half precision: it is faster then, 17 instead of 27 ms of one core at a
# million, and takes half the memory.
BULK: Final = 10_000
# New vectors wait until they are this share of those in faiss, because adding to these copies them.
WAITING_SHARE: Final = 1 / 16
# Similarities computed at once: 64 MiB.
BLOCK: Final = 16 * 1024**2
# Fewer probes are compared without BLAS, whose threads wait for each other: a million vectors take 27 instead of 42 ms
# of a core, and for each of eight clients at once 27 instead of 162.
FEW: Final = 8


@dataclass(frozen=True, slots=True)
class Gallery:
    """One collection's vectors. Never changed after it is published, so that searches need no lock.

    New vectors go to ``rows``; when there are enough of these, they move to ``bulk``.
    """

    keys: Keys
    rows: Vectors
    # A faiss.IndexIDMap2 over half precision.
    bulk: Any = None

    @property
    def count(self) -> int:
        return len(self.keys) + (self.bulk.ntotal if self.bulk is not None else 0)

    @property
    def bytes(self) -> int:
        held = self.rows.nbytes + self.keys.nbytes
        return held if self.bulk is None else held + self.bulk.ntotal * (8 + 2 * self.bulk.d)

    @property
    def all_keys(self) -> Keys:
        return self.keys if self.bulk is None else np.concatenate([self.keys, bulk_keys(self.bulk)])

    def search(self, probes: Vectors, k: int) -> list[list[Hit]]:
        step = max(1, BLOCK // max(1, len(self.rows)))
        return [hits for start in range(0, len(probes), step) for hits in self._search(probes[start : start + step], k)]

    def _search(self, probes: Vectors, k: int) -> list[list[Hit]]:
        similarities = compare(probes, self.rows)
        some = min(k, len(self.keys))
        if some < len(self.keys):
            found = np.argpartition(similarities, -some, axis=1)[:, -some:]
        else:
            found = np.broadcast_to(np.arange(some), similarities.shape)
        keys, values = self.keys[found], np.take_along_axis(similarities, found, axis=1)
        if self.bulk is not None:
            bulk_values, bulk_found = search_bulk(self.bulk, probes, min(k, self.bulk.ntotal))
            keys, values = np.hstack([keys, bulk_found]), np.hstack([values, bulk_values])
        return [ranked(*pair, k) for pair in zip(keys, values, strict=True)]

    def without(self, keys: Keys) -> Gallery:
        stay = np.isin(self.keys, keys, invert=True)
        left = self if stay.all() else replace(self, keys=self.keys[stay], rows=self.rows[stay])
        if self.bulk is None or not np.isin(keys, bulk_keys(self.bulk)).any():
            return left
        bulk = copied(self.bulk)
        bulk.remove_ids(keys)
        return replace(left, bulk=bulk if bulk.ntotal else None)

    def having(self, keys: Keys, vectors: Vectors) -> Gallery:
        more = replace(
            self, keys=np.concatenate([self.keys, keys]), rows=np.concatenate([self.rows, vectors], dtype=np.float32)
        )
        enough = BULK if self.bulk is None else max(BULK, self.bulk.ntotal * WAITING_SHARE)
        if len(more.keys) < enough or find_spec("faiss") is None:
            return more
        bulk = new_bulk(vectors.shape[1]) if self.bulk is None else copied(self.bulk)
        bulk.add_with_ids(more.rows, more.keys)
        return Gallery(more.keys[:0], more.rows[:0], bulk)


def compare(probes: Vectors, rows: Vectors) -> Vectors:
    """The cosine similarities of unit vectors, float32 (N, M)."""
    return np.einsum("nd,md->nm", probes, rows) if len(probes) < FEW else probes @ rows.T


class ExactIndex:
    """The nearest vectors without approximation. Implements VectorIndex."""

    shared = False

    def __init__(self) -> None:
        self._galleries: dict[UUID, Gallery] = {}
        self._lock = threading.Lock()

    def add(self, gallery: UUID, keys: Keys, vectors: Vectors) -> None:
        with self._lock:
            held = self._galleries.get(gallery) or Gallery(keys[:0], vectors[:0])
            self._galleries[gallery] = held.without(keys).having(keys, vectors)

    def remove(self, gallery: UUID, keys: Keys) -> None:
        with self._lock:
            if held := self._galleries.get(gallery):
                self._galleries[gallery] = held.without(keys)

    def drop(self, gallery: UUID) -> None:
        with self._lock:
            self._galleries.pop(gallery, None)

    def search(self, gallery: UUID, probes: Vectors, k: int) -> list[list[Hit]]:
        held = self._galleries.get(gallery)
        return held.search(probes, k) if held else [[] for _ in probes]

    def count(self, gallery: UUID) -> int:
        held = self._galleries.get(gallery)
        return held.count if held else 0

    def keys(self, gallery: UUID) -> Keys:
        held = self._galleries.get(gallery)
        return held.all_keys if held else np.empty(0, np.int64)

    def galleries(self) -> list[UUID]:
        return list(self._galleries)

    def bytes(self) -> dict[UUID, int]:
        """How much memory each gallery takes."""
        return {gallery: held.bytes for gallery, held in self._galleries.copy().items()}


# faiss is optional, and is imported only where a gallery is large enough.


def new_bulk(dimensions: int) -> Any:
    import faiss

    kind = faiss.ScalarQuantizer.QT_fp16
    return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(dimensions, kind, faiss.METRIC_INNER_PRODUCT))


def search_bulk(bulk: Any, probes: Vectors, k: int) -> tuple[Vectors, Keys]:
    """Similarities and keys, (N, k) each. On one thread: more would wait for each other, and clients search at once."""
    import faiss

    faiss.omp_set_num_threads(1)
    found: tuple[Vectors, Keys] = bulk.search(probes, k)
    return found


def copied(bulk: Any) -> Any:
    import faiss

    return faiss.clone_index(bulk)


def bytes_of(faces: int, dimensions: int) -> int:
    """The most memory of a gallery: vectors in single precision, or in half precision once they are in faiss."""
    single, half = 8 + 4 * dimensions, 8 + 2 * dimensions
    waiting = faces if find_spec("faiss") is None else min(faces, max(BULK, int(faces * WAITING_SHARE)))
    return waiting * single + (faces - waiting) * half


def bulk_keys(bulk: Any) -> Keys:
    import faiss

    keys: Keys = faiss.vector_to_array(bulk.id_map)
    return keys
