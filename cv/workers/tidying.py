"""A thread of the server that deletes what is to be deleted: what is past its time, and what a deletion left to it.

Of several server processes on a machine one does it. It works a little at a time, so that requests write meanwhile.
"""

import logging
import threading
import time
from typing import Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from cv import bells
from cv.files.stores import StorageUnavailable
from cv.services.deletions import listed_files_remove
from cv.services.job_deletion import jobs_delete_further
from cv.services.purge import expired_purge
from cv.services.traces import traces_remove_left
from cv.workers.alone import alone

log = logging.getLogger(__name__)

# Looks this often even if the bell is not rung: another process may have begun a deletion, or died in one.
LOOK_S: Final = 30.0
LOCK: Final = "tidying"


def start_thread() -> None:
    """Starts the thread. XCLOUD_PURGE_MINUTES says how often it purges, or that it does not."""
    threading.Thread(target=run_forever, args=[threading.Event()], name="tidying", daemon=True).start()


def run_forever(stop: threading.Event) -> None:
    """Tidies up until ``stop`` is set; a database or a storage that is away for a while does not end it."""
    purged_at: float | None = None
    while not stop.is_set():
        every_s = settings.XCLOUD_PURGE_MINUTES * 60
        due = bool(every_s) and (purged_at is None or time.monotonic() - purged_at >= every_s)
        if due:
            # Also where it fails, or another process has its turn: the next one is as good.
            purged_at = time.monotonic()
        try:
            close_old_connections()
            with alone(LOCK) as mine:
                if mine:
                    tidy_up(due)
        except StorageUnavailable as error:
            log.warning("tidying: %s", error)
        except DatabaseError:
            log.exception("tidying: the database does not answer")
        except Exception:
            log.exception("tidying: something could not be deleted")
        bells.TIDYING.wait(LOOK_S)


def tidy_up(purge: bool) -> None:
    """Ends deletions that have begun, and with ``purge`` removes what is past its time. Raises StorageUnavailable."""
    if purge:
        expired_purge()
    else:
        listed_files_remove()
        jobs_delete_further()
        traces_remove_left()
