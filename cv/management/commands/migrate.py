"""Django's ``migrate``, one at a time, because servers and workers that start together all run it."""

import contextlib
import fcntl
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# For PostgreSQL's advisory lock and MariaDB's named lock; an arbitrary number that no other program uses.
LOCK_NUMBER: Final = 7_261_034
LOCK_NAME: Final = "xcloud.migrate"
# Longer than any migration of a large table should take.
PATIENCE_S: Final = 3600


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with alone(connections[options["database"]]):
            super().handle(*args, **options)


@contextlib.contextmanager
def alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Waits until no other process migrates this database. The lock is released even if the process crashes.

    Raises CommandError if MariaDB's lock is still taken after an hour.
    """
    match connection.vendor:
        case "sqlite":
            with (settings.VAR_DIR / "migrate.lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        case "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_NUMBER])
            try:
                yield
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_NUMBER])
        case "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT GET_LOCK(%s, %s)", [LOCK_NAME, PATIENCE_S])
                if cursor.fetchone() != (1,):
                    raise CommandError("another process has been migrating this database for an hour")
            try:
                yield
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT RELEASE_LOCK(%s)", [LOCK_NAME])
        case _:
            yield
