"""Deletes kept files, one or a whole folder, and checks first that the storage is available."""

import contextlib
from collections.abc import Iterable

from django.core.files.storage import default_storage

from cv.files.stores import StorageUnavailable, kept_files


def delete_kept(name: str, keep: frozenset[str] = frozenset()) -> None:
    """Deletes the file or, if ``name`` ends with a slash, all files below it except those to ``keep``.

    A missing file is not an error. Raises StorageUnavailable.
    """
    if not name.endswith("/"):
        default_storage.delete(name)
        return
    for file in list(kept_files().files(name)):
        if file.name not in keep:
            default_storage.delete(file.name)
    if not keep:
        # On a disk this deletes the empty folder; a bucket has no folders.
        with contextlib.suppress(FileNotFoundError, StorageUnavailable):
            default_storage.delete(name.rstrip("/"))


def ask_storage(names: Iterable[str]) -> None:
    """Looks up the first file, so that an outage is noticed before the rows are deleted.

    Raises StorageUnavailable.
    """
    for name in names:
        if name.endswith("/"):
            next(iter(kept_files().files(name)), None)
        else:
            default_storage.exists(name)
        return
