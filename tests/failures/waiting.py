"""Waits that end, and say what they waited for."""

import time
from collections.abc import Callable


class Hung(AssertionError):
    """Something that should have happened did not, in the time it had."""


def wait_for(what: str, so: Callable[[], bool], seconds: float, told: Callable[[], str] = str) -> None:
    """Returns as soon as it is ``so``. Raises Hung with what ``told`` says at the end."""
    ends = time.monotonic() + seconds
    while not so():
        if time.monotonic() >= ends:
            raise Hung(f"waited {seconds:.0f} s for {what}. {told()}")
        time.sleep(0.05)
