"""Exact search in PostgreSQL with the extension pgvector, in the database of the rows. One index for all processes.

The vectors are unsealed, because PostgreSQL compares them. There is no graph index: it would miss
people.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import DatabaseError, connection

from cv.search.base import Hit, Keys, SearchUnavailable, Vectors, as_keys

# A face's vector is deleted with its row, in the same transaction, if the rows are in this database.
CREATE: Final = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS cv_search_vector (
    face bigint PRIMARY KEY,
    gallery uuid NOT NULL,
    vector vector NOT NULL
);
CREATE INDEX IF NOT EXISTS cv_search_gallery ON cv_search_vector (gallery);
"""
INSERTED_AT_ONCE: Final = 500
Connect = Callable[[], AbstractContextManager[Any]]


class PgvectorIndex:
    """Implements VectorIndex. ``connect`` opens a cursor; by default Django's.

    Raises SearchUnavailable if the database is no PostgreSQL, or has no pgvector.
    """

    shared = True

    def __init__(self, connect: Connect | None = None) -> None:
        if connect is None and connection.vendor != "postgresql":
            raise SearchUnavailable("XCLOUD_SEARCH=pgvector needs PostgreSQL as the database")
        self._connect = connect or connection.cursor
        with self._cursor() as cursor:
            cursor.execute(CREATE)

    def add(self, gallery: UUID, keys: Keys, vectors: Vectors) -> None:
        with self._cursor() as cursor:
            for start in range(0, len(keys), INSERTED_AT_ONCE):
                part = slice(start, start + INSERTED_AT_ONCE)
                rows = [
                    (int(key), gallery, _text(vector)) for key, vector in zip(keys[part], vectors[part], strict=True)
                ]
                values = ",".join(["(%s, %s, %s::vector)"] * len(rows))
                cursor.execute(
                    f"INSERT INTO cv_search_vector (face, gallery, vector) VALUES {values} "  # noqa: S608
                    "ON CONFLICT (face) DO UPDATE SET gallery = excluded.gallery, vector = excluded.vector",
                    [value for row in rows for value in row],
                )

    def remove(self, gallery: UUID, keys: Keys) -> None:
        with self._cursor() as cursor:
            cursor.execute(
                "DELETE FROM cv_search_vector WHERE gallery = %s AND face = ANY(%s)", [gallery, keys.tolist()]
            )

    def drop(self, gallery: UUID) -> None:
        with self._cursor() as cursor:
            cursor.execute("DELETE FROM cv_search_vector WHERE gallery = %s", [gallery])

    def search(self, gallery: UUID, probes: Vectors, k: int) -> list[list[Hit]]:
        found = []
        with self._cursor() as cursor:
            for probe in probes:
                cursor.execute(
                    "SELECT face, -(vector <#> %s::vector) AS similarity FROM cv_search_vector WHERE gallery = %s "
                    "ORDER BY similarity DESC, face LIMIT %s",
                    [_text(probe), gallery, k],
                )
                found.append([Hit(key, float(np.clip(similarity, -1.0, 1.0))) for key, similarity in cursor.fetchall()])
        return found

    def count(self, gallery: UUID) -> int:
        with self._cursor() as cursor:
            cursor.execute("SELECT count(*) FROM cv_search_vector WHERE gallery = %s", [gallery])
            return int(cursor.fetchone()[0])

    def keys(self, gallery: UUID) -> Keys:
        with self._cursor() as cursor:
            cursor.execute("SELECT face FROM cv_search_vector WHERE gallery = %s", [gallery])
            return as_keys(key for (key,) in cursor.fetchall())

    def galleries(self) -> list[UUID]:
        with self._cursor() as cursor:
            cursor.execute("SELECT DISTINCT gallery FROM cv_search_vector")
            return [gallery for (gallery,) in cursor.fetchall()]

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            with self._connect() as cursor:
                yield cursor
        except DatabaseError as error:
            raise SearchUnavailable("the search index in PostgreSQL does not answer; try again") from error


def _text(vector: Vectors) -> str:
    return "[" + ",".join(map(str, vector.tolist())) + "]"
