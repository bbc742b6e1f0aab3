"""Asks the database whether it can be written, without waiting long and without changing anything."""

import contextlib
from collections.abc import Iterator

from django.db import connection, transaction

from cv.models import IdempotentRequest


def database_check(patience_s: float) -> None:
    """Waits for a lock of SQLite's for at most ``patience_s``. Raises DatabaseError."""
    with _busy_timeout(patience_s), transaction.atomic():
        # No row has this number, but a database that is read-only refuses the statement.
        IdempotentRequest.objects.filter(pk=0).update(status=None)


@contextlib.contextmanager
def _busy_timeout(seconds: float) -> Iterator[None]:
    """For this thread's connection; usual requests wait their turn for longer."""
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
