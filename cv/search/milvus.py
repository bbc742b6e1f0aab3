"""Exact search in Milvus, for more faces than one machine holds. One index for all processes.

The vectors are unsealed there. Needs the packages of requirements-search.txt.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID

import numpy as np

from cv.search.base import Hit, Keys, SearchUnavailable, Vectors, as_keys

PREFIX: Final = "xcloud_"
WRITTEN_AT_ONCE: Final = 5000
# Milvus answers at most this many keys at once.
PAGE: Final = 16_000
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def answering(method: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Turns every failure of Milvus into SearchUnavailable."""

    @wraps(method)
    def asked(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        from pymilvus.exceptions import MilvusException

        try:
            return method(*args, **kwargs)
        except MilvusException as error:
            raise SearchUnavailable("Milvus does not answer; try again") from error

    return asked


class MilvusIndex:
    """Implements VectorIndex: one Milvus collection a gallery. ``url`` is a server's, or a file for Milvus Lite."""

    shared = True

    @answering
    def __init__(self, url: str, token: str = "") -> None:
        from pymilvus import MilvusClient

        self._client = MilvusClient(uri=url, token=token)
        self._known: set[str] = set()

    @answering
    def add(self, gallery: UUID, keys: Keys, vectors: Vectors) -> None:
        name = self._made(gallery, vectors.shape[1])
        for start in range(0, len(keys), WRITTEN_AT_ONCE):
            part = slice(start, start + WRITTEN_AT_ONCE)
            rows = [
                {"id": int(key), "vector": vector}
                for key, vector in zip(keys[part], vectors[part].astype(np.float32), strict=True)
            ]
            self._client.upsert(name, rows)

    @answering
    def remove(self, gallery: UUID, keys: Keys) -> None:
        if self._exists(name := name_of(gallery)):
            for start in range(0, len(keys), WRITTEN_AT_ONCE):
                self._client.delete(name, ids=keys[start : start + WRITTEN_AT_ONCE].tolist())

    @answering
    def drop(self, gallery: UUID) -> None:
        name = name_of(gallery)
        self._known.discard(name)
        self._client.drop_collection(name)

    @answering
    def search(self, gallery: UUID, probes: Vectors, k: int) -> list[list[Hit]]:
        if not len(probes) or not self._exists(name := name_of(gallery)):
            return [[] for _ in probes]
        found = self._client.search(
            name, list(probes), limit=min(k, PAGE), search_params={"metric_type": "IP"}, consistency_level="Strong"
        )
        return [[Hit(int(hit["id"]), float(np.clip(hit["distance"], -1.0, 1.0))) for hit in hits] for hits in found]

    @answering
    def count(self, gallery: UUID) -> int:
        if not self._exists(name := name_of(gallery)):
            return 0
        (row,) = self._client.query(name, "", output_fields=["count(*)"], consistency_level="Strong")
        return int(row["count(*)"])

    @answering
    def keys(self, gallery: UUID) -> Keys:
        return as_keys(self._keys(gallery))

    @answering
    def galleries(self) -> list[UUID]:
        names = self._client.list_collections()
        return [UUID(name.removeprefix(PREFIX)) for name in names if name.startswith(PREFIX)]

    def _keys(self, gallery: UUID) -> Iterator[int]:
        if not self._exists(name := name_of(gallery)):
            return
        pages = self._client.query_iterator(name, batch_size=PAGE, output_fields=["id"], consistency_level="Strong")
        while rows := pages.next():
            yield from (int(row["id"]) for row in rows)
        pages.close()

    def _exists(self, name: str) -> bool:
        if name not in self._known and self._client.has_collection(name):
            self._client.load_collection(name)
            self._known.add(name)
        return name in self._known

    def _made(self, gallery: UUID, dimensions: int) -> str:
        """A flat index, which compares with every vector."""
        from pymilvus import DataType

        name = name_of(gallery)
        if not self._exists(name):
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
            index: Any = self._client.prepare_index_params()
            index.add_index("vector", index_type="FLAT", metric_type="IP")
            self._client.create_collection(name, schema=schema, index_params=index)
            self._known.add(name)
        return name


def name_of(gallery: UUID) -> str:
    return f"{PREFIX}{gallery.hex}"
