"""Deletes files whose rows are deleted. They are listed in the same transaction as the rows, and deleted after it.

So no transaction waits for a disk or a network. If the process is killed between the two steps, the list remains and
``listed_files_remove`` deletes the files.
"""

from collections.abc import Iterable
from typing import Final

from cv.files.removal import delete_kept
from cv.models import Erasure, FileToDelete

# How many files are deleted before their entries are removed from the list.
BATCH: Final = 200


def files_list(names: Iterable[str], erasure: Erasure | None = None) -> None:
    """Lists files to delete. Call it in the transaction that deletes their rows."""
    rows = [FileToDelete(name=name, erasure=erasure) for name in names]
    FileToDelete.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def files_remove(names: Iterable[str]) -> None:
    """Deletes files that are on the list, and removes their entries.

    Raises StorageUnavailable. The remaining files stay on the list, and the next purge deletes them.
    """
    left = list(names)
    for start in range(0, len(left), BATCH):
        batch = left[start : start + BATCH]
        for name in batch:
            delete_kept(name)
        FileToDelete.objects.filter(name__in=batch).delete()


def listed_files_remove() -> int:
    """Deletes all files on the list; returns how many entries there were. Raises StorageUnavailable."""
    removed = 0
    while names := list(FileToDelete.objects.order_by("pk").values_list("name", flat=True)[:BATCH]):
        files_remove(names)
        removed += len(names)
    return removed
