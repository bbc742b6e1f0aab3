"""The search index of this installation, brought up to date with the rows before every search.

No writer has to tell an index anything, so none can forget to, or be killed before it does. A search compares the
collection's revision with the one that the index has; if they differ, it adds the rows that are new and removes the
keys that have no row any more.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from cv.models import Collection, EnrolledFace
from cv.models.collections import enrolled_place
from cv.search.base import CollectionTooLarge, Hit, Search, VectorIndex, Vectors, as_keys
from cv.search.exact import ExactIndex
from cv.search.milvus import MilvusIndex
from cv.search.pgvector import PgvectorIndex
from cv.search.room import collections_to_drop, drops_of, note_drop, note_use
from cv.trust.sealing import Unreadable
from cv.trust.vectors import unseal_vectors

log = logging.getLogger(__name__)

Item = TypeVar("Item")

# Rows read and unsealed at once.
BATCH: Final = 20_000
# Keys in one query.
LOOKED_UP: Final = 500
# How long a request waits for another thread that brings the same collection up to date.
PATIENCE_S: Final = 5.0
# How often a search begins again because its collection was dropped.
TRIES: Final = 3


class IndexBehind(Exception):
    """The index of the collection is being brought up to date. ``code`` is stable and part of the public API."""

    code = "index_behind"

    def __init__(self) -> None:
        super().__init__("the search index of this collection is being built; try again")


@cache
def served_index() -> VectorIndex:
    """The index of the setting XCLOUD_SEARCH. Raises SearchUnavailable."""
    match settings.XCLOUD_SEARCH:
        case Search.PGVECTOR:
            return PgvectorIndex()
        case Search.MILVUS:
            return MilvusIndex(settings.XCLOUD_MILVUS_URL, settings.XCLOUD_MILVUS_TOKEN)
    return ExactIndex()


# By collection: the revision that this process last brought the index to, and its highest key; and the update's lock.
_seen: dict[UUID, tuple[int, int]] = {}
_locks: defaultdict[UUID, threading.Lock] = defaultdict(threading.Lock)


def nearest(collection: UUID, probes: Vectors, k: int) -> list[list[Hit]]:
    """The ``k`` nearest enrolled faces of each probe, by key, in an index that has every face enrolled so far.

    Faces erased in the meantime may still be among them: look every key up. Raises Collection.DoesNotExist,
    IndexBehind, SearchUnavailable, which CollectionTooLarge is, too, Unreadable.
    """
    note_use(collection)
    for _ in range(TRIES):
        before = drops_of(collection)
        update_index(collection)
        hits = served_index().search(collection, probes, k)
        # Other collections may have needed its room in between.
        if before is not None and before == drops_of(collection):
            return hits
    raise IndexBehind


def update_index(collection: UUID, patience_s: float = PATIENCE_S) -> None:
    """Brings the index to the collection's revision. Raises as ``nearest`` does."""
    if _is_current(collection):
        return
    lock = _locks[collection]
    if not lock.acquire(timeout=patience_s):
        raise IndexBehind
    try:
        # Read again, and before the rows: what is committed afterwards has a higher one.
        revision = _revision(collection)
        if not _is_current(collection):
            _seen[collection] = (revision, _catch_up(collection))
    finally:
        lock.release()


def _is_current(collection: UUID) -> bool:
    seen = _seen.get(collection)
    return seen is not None and seen[0] == _revision(collection)


def forget_faces(collection: UUID, keys: list[int]) -> None:
    """Removes faces at once, from this process's memory or from the shared index. Raises SearchUnavailable."""
    served_index().remove(collection, as_keys(keys))


def drop_index(collection: UUID) -> None:
    """Removes a whole collection from the index; the next search builds it again if there are rows.

    Raises SearchUnavailable.
    """
    note_drop(collection)
    try:
        _seen.pop(collection, None)
        served_index().drop(collection)
    finally:
        note_drop(collection)


def _make_room(collection: UUID, faces: int, dimensions: int) -> None:
    """Drops collections that were not searched for longest, but none that is being brought up to date.

    Raises CollectionTooLarge; the collection is not in memory then.
    """
    try:
        others = collections_to_drop(served_index(), collection, faces, dimensions)
    except CollectionTooLarge:
        drop_index(collection)
        raise
    for other in others:
        if _locks[other].acquire(blocking=False):
            try:
                drop_index(other)
            finally:
                _locks[other].release()


def tidy_indexes() -> None:
    """Drops what the index has of deleted collections, and brings the others up to date.

    So an erased face does not stay in it until the next search. A collection that cannot be read, or is being brought
    up to date by another thread, is left for the next time. Raises SearchUnavailable.
    """
    for collection in served_index().galleries():
        try:
            update_index(collection)
        except Collection.DoesNotExist:
            drop_index(collection)
        except (CollectionTooLarge, IndexBehind, Unreadable) as error:
            log.error("the index of collection %s was not brought up to date: %r", collection, error)


def _revision(collection: UUID) -> int:
    return Collection.objects.values_list("revision", flat=True).get(pk=collection)


def _catch_up(collection: UUID) -> int:
    """Returns the highest key that the index has now."""
    index, rows = served_index(), EnrolledFace.objects.filter(collection=collection).order_by("pk")
    dimensions = Collection.objects.values_list("dimensions", flat=True).get(pk=collection)
    _make_room(collection, rows.count(), dimensions)
    newest = _seen[collection][1] if collection in _seen else int(index.keys(collection).max(initial=0))
    newest = max(newest, _add(collection, dimensions, rows.filter(pk__gt=newest)))
    if index.count(collection) != rows.count():
        # Some were removed, or an earlier update was interrupted.
        held = set(index.keys(collection).tolist())
        stored = set(rows.values_list("pk", flat=True).iterator(chunk_size=BATCH))
        index.remove(collection, as_keys(sorted(held - stored)))
        for keys in _batches(sorted(stored - held), LOOKED_UP):
            _add(collection, dimensions, rows.filter(pk__in=keys))
    return newest


def _add(collection: UUID, dimensions: int, rows: QuerySet[EnrolledFace]) -> int:
    """Adds the rows to the index; returns the highest key, 0 if there are no rows."""
    newest = 0
    found = rows.values_list("pk", "uuid", "vector").iterator(chunk_size=BATCH)
    for batch in _batches(found, BATCH):
        vectors = unseal_vectors(((vector, enrolled_place(uuid)) for _, uuid, vector in batch), dimensions)
        served_index().add(collection, as_keys(key for key, _, _ in batch), vectors)
        newest = batch[-1][0]
    return newest


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
