"""How much room the kept pictures take."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.core.cache import cache
from django.core.files.storage import default_storage

# Counting walks through every file: not for every look at the dashboard.
CACHED_S: Final = 600
CACHE_KEY: Final = "cv.storage.used"


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes; ``pictures`` is at most ten minutes old."""

    pictures: int
    used: int
    free: int


def storage() -> Storage:
    counted = cache.get(CACHE_KEY)
    root = Path(default_storage.path(""))
    if counted is None:
        sizes = [file.stat().st_size for file in root.glob("*/*") if file.is_file()]
        counted = (len(sizes), sum(sizes))
        cache.set(CACHE_KEY, counted, CACHED_S)
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    pictures, used = counted
    return Storage(pictures, used, shutil.disk_usage(existing).free)
