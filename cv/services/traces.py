"""Leaves nothing in SQLite's write-ahead log of what was deleted."""

import logging
import threading
from typing import Final

from django.db import connection

from cv import bells

log = logging.getLogger(__name__)

# How long others may be in the way.
PATIENCE_MS: Final = 1000
# Set while something deleted may still stand in the log.
_left = threading.Event()


def traces_remove() -> bool:
    """Moves the write-ahead log into the database and empties it; returns whether it is empty.

    The database overwrites what is deleted (``secure_delete``), but the log keeps earlier pages until it is reused.
    Where a reader is in the way, ``traces_remove_left`` tries again. Other databases have no such log of ours; within
    a transaction there is nothing to do yet.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return True
    usual_ms = round(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual_ms}")
    if busy:
        _left.set()
        bells.TIDYING.ring()
    else:
        _left.clear()
    return not busy


def traces_remove_left() -> None:
    """Empties the log where an earlier try found somebody in the way."""
    if _left.is_set():
        traces_remove()
