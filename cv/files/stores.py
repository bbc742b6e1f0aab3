"""Where files are kept, pictures and inputs of jobs alike: private to this service, on disk or in an S3 bucket.

Code asks Django's ``default_storage``, which is one of ``LocalStore`` and ``S3Store``; nothing else in the project
knows which. Neither has addresses: what is kept is handed out by views that ask whose it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from django.core.files.storage import default_storage

# Beyond this, a file that is read from elsewhere lies in a temporary file, not in memory.
IN_MEMORY = 8 * 1024 * 1024


class StorageUnavailable(Exception):
    """The storage does not answer, refuses us or is full. ``code`` is stable and part of the public API."""

    code = "storage_unavailable"

    def __init__(self, reason: str = "does not answer") -> None:
        super().__init__(f"the storage of kept files {reason}; try again")


class NoAddress(NotImplementedError):
    """Somebody asked for the address of a kept file. There is none, which Django wants to be told like this."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """``name`` as the storage takes it; ``size`` in bytes; ``modified`` with its time zone."""

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes taken by kept files, and bytes left."""

    used: int
    free: int


class Store(Protocol):
    """What both storages can do beyond Django's ``Storage``. Each call raises StorageUnavailable."""

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        """Every file whose name starts with ``prefix``, in no order, a few at a time."""

    def prepare(self) -> None:
        """Makes what has to be there before the first file, where it is not there yet."""

    def room(self) -> Room | None:
        """None where that cannot be told without asking for every single file."""


def kept_files() -> Store:
    """The storage in service, seen as what it can do beyond Django's."""
    return cast(Store, default_storage)
