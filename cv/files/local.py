"""Stores kept files in a local folder, or on a disk that several machines mount."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from cv.files.stores import NoAddress, Room, StorageUnavailable, StoredFile


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Turns OSError into StorageUnavailable, except FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageUnavailable(f"cannot be used ({error.strerror or 'the disk failed'})") from error


@contextlib.contextmanager
def _nothing_half_written(file: Path) -> Iterator[None]:
    """Deletes ``file`` if writing it fails. It cannot belong to another writer, because names are random."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            file.unlink()
        raise


class LocalStore(FileSystemStorage):
    """Files that only the service's user can read."""

    def __init__(self, location: str | None = None) -> None:
        super().__init__(location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        with disk_errors():
            return super()._open(name, mode)  # type: ignore[misc, no-any-return]

    def _save(self, name: str, content: File[Any]) -> str:
        with disk_errors(), _nothing_half_written(Path(self.path(name))):
            return super()._save(name, content)  # type: ignore[misc, no-any-return]

    def delete(self, name: str) -> None:
        with disk_errors():
            super().delete(name)

    def url(self, name: str | None) -> str:
        raise NoAddress("kept files have no address")

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        root = Path(self.location)
        # Only searches the folder that the prefix names.
        for folder, _folders, names in os.walk(root / prefix.rpartition("/")[0]):
            for name in names:
                file = Path(folder, name)
                relative = file.relative_to(root).as_posix()
                # Deleted concurrently: nothing to do.
                with contextlib.suppress(FileNotFoundError), disk_errors():
                    if relative.startswith(prefix) and file.is_file():
                        about = file.stat()
                        yield StoredFile(relative, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC))

    def prepare(self) -> None:
        """Does nothing: folders are created when they are needed."""

    def room(self) -> Room:
        root = Path(self.location)
        existing = next(folder for folder in (root, *root.parents) if folder.exists())
        return Room(sum(file.size for file in self.files()), shutil.disk_usage(existing).free)
