"""Removes deleted data from SQLite's write-ahead log."""

import logging
import threading
from typing import Final

from django.db import connection

from cv import bells

log = logging.getLogger(__name__)

# How long to wait for other connections.
PATIENCE_MS: Final = 1000
# Set while the log may still contain deleted data.
_left = threading.Event()


def traces_remove() -> bool:
    """Checkpoints and truncates the write-ahead log; returns whether it is empty.

    The database overwrites deleted data (``secure_delete``), but the log keeps earlier pages until it is reused. If a
    reader blocks the checkpoint, ``traces_remove_left`` tries again. Does nothing on other databases and within a
    transaction.
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
    """Tries again if an earlier attempt was blocked."""
    if _left.is_set():
        traces_remove()
