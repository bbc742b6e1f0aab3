"""Which of several server processes on a machine does something that one of them should do."""

import contextlib
import fcntl
from collections.abc import Iterator

from django.conf import settings


@contextlib.contextmanager
def alone(name: str) -> Iterator[bool]:
    """Whether this process, of all that share XCLOUD_VAR_DIR, is the one; it is until it leaves the context or dies."""
    with (settings.VAR_DIR / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
