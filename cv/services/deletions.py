"""Deletes files whose rows are gone: listed in the transaction that deletes the rows, deleted after it.

No transaction waits for a disk or a network. A process that is killed between the two leaves the list, which
``listed_files_remove`` works off.
"""

from collections.abc import Iterable
from typing import Final

from cv.files.removal import delete_kept
from cv.models import Erasure, FileToDelete

# Files deleted before they are crossed off the list.
BATCH: Final = 200


def files_list(names: Iterable[str], erasure: Erasure | None = None) -> None:
    """Writes down, in the transaction that deletes their rows, that the files are to be deleted."""
    rows = [FileToDelete(name=name, erasure=erasure) for name in names]
    FileToDelete.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def files_remove(names: Iterable[str]) -> None:
    """Deletes files that are on the list and crosses them off.

    Raises StorageUnavailable; what is left stays on the list, and the next purge deletes it.
    """
    left = list(names)
    for start in range(0, len(left), BATCH):
        batch = left[start : start + BATCH]
        for name in batch:
            delete_kept(name)
        FileToDelete.objects.filter(name__in=batch).delete()


def listed_files_remove() -> int:
    """Deletes what is on the list; returns how many entries it had. Raises StorageUnavailable."""
    removed = 0
    while names := list(FileToDelete.objects.order_by("pk").values_list("name", flat=True)[:BATCH]):
        files_remove(names)
        removed += len(names)
    return removed
