"""Deletes kept files, one or all below a name; and asks first whether the storage is there to do it."""

import contextlib
from collections.abc import Iterable

from django.core.files.storage import default_storage

from cv.files.stores import StorageUnavailable, kept_files


def delete_kept(name: str, keep: frozenset[str] = frozenset()) -> None:
    """Deletes the file, or with a slash at the end of ``name`` all files below it but those to ``keep``.

    One that is not there is as good as deleted. Raises StorageUnavailable.
    """
    if not name.endswith("/"):
        default_storage.delete(name)
        return
    for file in list(kept_files().files(name)):
        if file.name not in keep:
            default_storage.delete(file.name)
    if not keep:
        # A folder on a disk; in a bucket there is nothing of that name.
        with contextlib.suppress(FileNotFoundError, StorageUnavailable):
            default_storage.delete(name.rstrip("/"))


def ask_storage(names: Iterable[str]) -> None:
    """Looks for the first of the files, so that an outage is noticed before their rows are gone.

    Raises StorageUnavailable.
    """
    for name in names:
        if name.endswith("/"):
            next(iter(kept_files().files(name)), None)
        else:
            default_storage.exists(name)
        return
