"""Elects one of several server processes on a machine for a task that only one should do."""

import contextlib
import fcntl
from collections.abc import Iterator

from django.conf import settings


@contextlib.contextmanager
def alone(name: str) -> Iterator[bool]:
    """Yields whether this process got the lock ``name``. It holds the lock until the block ends or the process dies.

    All processes that share XCLOUD_VAR_DIR compete for it.
    """
    with (settings.VAR_DIR / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
