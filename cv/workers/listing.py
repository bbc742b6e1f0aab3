"""The threads of a worker that list archives, so that images of other jobs are analyzed meanwhile."""

import logging
import threading
from typing import Final

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from cv.services.job_listing import archive_list, listing_claim

log = logging.getLogger(__name__)

# Archives listed at once, each of another caller, so that a large archive does not delay all others.
AT_ONCE: Final = 2
LOOK_S: Final = 1.0


class ArchiveListers:
    """Lists archives from ``start`` until ``stop``."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"listing-{n}", daemon=True) for n in range(AT_ONCE)]
        self._changed = threading.Lock()
        self._listing = 0

    @property
    def busy(self) -> bool:
        return bool(self._listing)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when the batches in progress are written."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self.list_next():
                self._stop.wait(LOOK_S)
        connection.close()

    def list_next(self) -> bool:
        """Lists the next archive; returns whether there was one. Survives outages of the database."""
        try:
            close_old_connections()
            if (listing := listing_claim()) is None:
                return False
            self._count(1)
            try:
                archive_list(listing, self._stop.is_set)
            finally:
                self._count(-1)
            return True
        except (DatabaseError, InterfaceError):
            log.exception("jobs: the database does not answer")
        except Exception:
            # The lease ends, and the archive is tried again.
            log.exception("jobs: an archive could not be listed")
        return False

    def _count(self, change: int) -> None:
        with self._changed:
            self._listing += change
