"""Exact search in the memory of each process: NumPy, and faiss for large galleries if it is installed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Final
from uuid import UUID

import numpy as np

from cv.search.base import Hit, Keys, Vectors, ranked

# More vectors than this go to faiss, which keeps half precision. At 1 million it takes 390 MB instead of 574, and eight
# clients get nine times as many searches a second; at 100,000 it takes more memory and time than NumPy.
BULK: Final = 50_000
# Similarities computed at once: 64 MiB.
BLOCK: Final = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class Gallery:
    """One collection's vectors. Never changed after it is published, so that searches need no lock.

    New vectors go to ``rows``; when there are ``BULK`` of these, they move to ``bulk``.
    """

    keys: Keys
    rows: Vectors
    # A faiss.IndexIDMap2 over half precision.
    bulk: Any = None

    @property
    def count(self) -> int:
        return len(self.keys) + (self.bulk.ntotal if self.bulk is not None else 0)

    @property
    def all_keys(self) -> Keys:
        return self.keys if self.bulk is None else np.concatenate([self.keys, bulk_keys(self.bulk)])

    def search(self, probes: Vectors, k: int) -> list[list[Hit]]:
        step = max(1, BLOCK // max(1, len(self.rows)))
        return [hits for start in range(0, len(probes), step) for hits in self._search(probes[start : start + step], k)]

    def _search(self, probes: Vectors, k: int) -> list[list[Hit]]:
        similarities = probes @ self.rows.T
        some = min(k, len(self.keys))
        if some < len(self.keys):
            found = np.argpartition(similarities, -some, axis=1)[:, -some:]
        else:
            found = np.broadcast_to(np.arange(some), similarities.shape)
        keys, values = self.keys[found], np.take_along_axis(similarities, found, axis=1)
        if self.bulk is not None:
            bulk_values, bulk_found = self.bulk.search(probes, min(k, self.bulk.ntotal))
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
        if len(more.keys) < BULK or find_spec("faiss") is None:
            return more
        bulk = new_bulk(vectors.shape[1]) if self.bulk is None else copied(self.bulk)
        bulk.add_with_ids(more.rows, more.keys)
        return Gallery(more.keys[:0], more.rows[:0], bulk)


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


# faiss is optional, and is imported only where a gallery is large enough.


def new_bulk(dimensions: int) -> Any:
    import faiss

    kind = faiss.ScalarQuantizer.QT_fp16
    return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(dimensions, kind, faiss.METRIC_INNER_PRODUCT))


def copied(bulk: Any) -> Any:
    import faiss

    return faiss.clone_index(bulk)


def bulk_keys(bulk: Any) -> Keys:
    import faiss

    keys: Keys = faiss.vector_to_array(bulk.id_map)
    return keys
