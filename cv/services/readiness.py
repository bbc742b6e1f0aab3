"""Checks that the database can be written, without a long wait and without changing anything."""

import contextlib
from collections.abc import Iterator

from django.db import connection, transaction

from cv.models import IdempotentRequest


def database_check(patience_s: float) -> None:
    """Waits at most ``patience_s`` for SQLite's lock. Raises DatabaseError."""
    with _busy_timeout(patience_s), transaction.atomic():
        # No row has this id, but a read-only database refuses the statement.
        IdempotentRequest.objects.filter(pk=0).update(status=None)


@contextlib.contextmanager
def _busy_timeout(seconds: float) -> Iterator[None]:
    """Shortens the wait for SQLite's lock on this thread's connection while the block runs."""
    if connection.vendor != "sqlite":
        yield
        return
    usual = connection.settings_dict["OPTIONS"].get("timeout", 5)
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {round(usual * 1000)}")
