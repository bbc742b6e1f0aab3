"""The interface of the private storage for pictures and job inputs, on disk or in an S3 bucket.

Code uses Django's ``default_storage``, which is a ``LocalStore`` or an ``S3Store``; nothing else in the project
depends on which. Neither has public URLs: files are served by views that check permissions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from django.core.files.storage import default_storage

# Larger files are downloaded to a temporary file, not into memory.
IN_MEMORY = 8 * 1024 * 1024


class StorageUnavailable(Exception):
    """The storage does not answer, denies access or is full. ``code`` is stable and part of the public API."""

    code = "storage_unavailable"

    def __init__(self, reason: str = "does not answer") -> None:
        super().__init__(f"the storage of kept files {reason}; try again")


class NoAddress(NotImplementedError):
    """Kept files have no URL. Django expects NotImplementedError for this."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """``name`` in the storage; ``size`` in bytes; ``modified`` with a time zone."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes used by kept files, and bytes free."""

    used: int
    free: int


class Store(Protocol):
    """What both storages offer beyond Django's ``Storage``. Every method may raise StorageUnavailable."""

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        """Yields every file whose name starts with ``prefix``, in no particular order."""

    def prepare(self) -> None:
        """Creates what the first file needs, for example the bucket, if it is missing."""

    def room(self) -> Room | None:
        """Used and free bytes; None if that would need a list of all files."""


def kept_files() -> Store:
    """The configured storage, typed as a ``Store``."""
    return cast(Store, default_storage)
