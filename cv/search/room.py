"""Bounds the memory of collections that are searched in it: the ones not searched for longest make room."""

import threading
import time
from collections import defaultdict
from typing import Final
from uuid import UUID

from django.conf import settings

from cv.search.base import CollectionTooLarge, VectorIndex
from cv.search.exact import ExactIndex, bytes_of

MB: Final = 1024**2

_used_at: dict[UUID, float] = {}
# By collection, twice the number of times it was dropped: odd while it is being dropped.
_drops: defaultdict[UUID, int] = defaultdict(int)
_counting = threading.Lock()


def check_room(index: VectorIndex, faces: int, dimensions: int) -> None:
    """Raises CollectionTooLarge if a collection of this many ``faces`` cannot be searched in memory."""
    needed = bytes_of(faces, dimensions)
    if not index.shared and needed > settings.XCLOUD_SEARCH_MEMORY_BYTES:
        raise CollectionTooLarge(
            f"{faces:,} faces in one collection take {needed // MB:,} MiB of memory to search; this server allows "
            f"{settings.XCLOUD_SEARCH_MEMORY_BYTES // MB:,} (XCLOUD_SEARCH_MEMORY_BYTES)"
        )


def collections_to_drop(index: VectorIndex, collection: UUID, faces: int, dimensions: int) -> list[UUID]:
    """The other collections to drop so that this one, with its ``faces``, fits beside the rest.

    Raises CollectionTooLarge.
    """
    check_room(index, faces, dimensions)
    if not isinstance(index, ExactIndex):
        return []
    others = index.bytes()
    others.pop(collection, None)
    left = settings.XCLOUD_SEARCH_MEMORY_BYTES - bytes_of(faces, dimensions) - sum(others.values())
    dropped = []
    for other in sorted(others, key=lambda other: _used_at.get(other, 0.0)):
        if left >= 0:
            break
        dropped.append(other)
        left += others[other]
    return dropped


def note_use(collection: UUID) -> None:
    _used_at[collection] = time.monotonic()


def note_drop(collection: UUID) -> None:
    """Call it before a collection is dropped, and again afterwards."""
    with _counting:
        _drops[collection] += 1


def drops_of(collection: UUID) -> int | None:
    """A number that changes when the collection is dropped; None while it is being dropped."""
    return None if (drops := _drops[collection]) % 2 else drops
