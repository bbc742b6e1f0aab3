"""A thread of the server that purges expired data and finishes deletions in the background.

Only one server process on a machine does it. It works in batches, so that requests can write in between.
"""

import logging
import threading
import time
from typing import Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from cv import bells
from cv.files.stores import StorageUnavailable
from cv.search.base import SearchUnavailable
from cv.services.deletions import listed_files_remove
from cv.services.errors import errors_store
from cv.services.job_deletion import jobs_delete_further
from cv.services.purge import expired_purge
from cv.services.traces import traces_remove_left
from cv.workers.alone import alone

log = logging.getLogger(__name__)

# The polling interval if the bell is not rung: another process may have begun a deletion, or died during one.
LOOK_S: Final = 30.0
LOCK: Final = "tidying"


def start_thread() -> None:
    """Starts the thread. XCLOUD_PURGE_MINUTES is how often it purges; 0 means never."""
    threading.Thread(target=run_forever, args=[threading.Event()], name="tidying", daemon=True).start()


def run_forever(stop: threading.Event) -> None:
    """Tidies up until ``stop`` is set. Survives outages of the database and the storage."""
    purged_at: float | None = None
    while not stop.is_set():
        every_s = settings.XCLOUD_PURGE_MINUTES * 60
        due = bool(every_s) and (purged_at is None or time.monotonic() - purged_at >= every_s)
        if due:
            # Also counts if the purge fails or another process does it: the next time is soon enough.
            purged_at = time.monotonic()
        try:
            close_old_connections()
            # Every process has counts of its own.
            errors_store()
            with alone(LOCK) as mine:
                if mine:
                    tidy_up(due)
        except (StorageUnavailable, SearchUnavailable) as error:
            log.warning("tidying: %s", error)
        except DatabaseError:
            log.exception("tidying: the database does not answer")
        except Exception:
            log.exception("tidying: something could not be deleted")
        bells.TIDYING.wait(LOOK_S)


def tidy_up(purge: bool) -> None:
    """Finishes deletions that have begun, and with ``purge`` deletes expired data.

    Raises StorageUnavailable, SearchUnavailable.
    """
    if purge:
        expired_purge()
    else:
        listed_files_remove()
        jobs_delete_further()
        traces_remove_left()
