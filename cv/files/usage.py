"""Counts the kept pictures and the room that they take."""

from dataclasses import dataclass
from typing import Final

from django.core.cache import cache

from cv.files.stores import Room, StorageUnavailable, kept_files
from cv.models import Analysis

# Counting visits every file, so the result is cached for the dashboard.
CACHED_S: Final = 600
CACHE_KEY: Final = "cv.files.usage.room"


@dataclass(frozen=True, slots=True)
class Storage:
    """``room`` is at most ten minutes old; None if the storage cannot tell it or does not answer."""

    pictures: int
    room: Room | None


def storage() -> Storage:
    pictures = Analysis.objects.exclude(picture="").count()
    room: Room | None = cache.get(CACHE_KEY)
    if room is None:
        try:
            room = kept_files().room()
        except StorageUnavailable:
            room = None
        cache.set(CACHE_KEY, room, CACHED_S)
    return Storage(pictures, room)
