"""Wakes a thread of this process when there is something to do. The rows say what: a lost ring costs a few seconds."""

import threading
from typing import Final


class Bell:
    """Any thread rings, one thread waits."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Returns when the bell is rung, or after ``seconds``; says whether it was rung."""
        rung = self._rung.wait(seconds)
        self._rung.clear()
        return rung


# For the worker of this process: items of jobs are waiting.
JOBS: Final = Bell()
# For the thread that deletes what is to be deleted: files or a large job wait for it.
TIDYING: Final = Bell()
# For the thread that posts to webhooks: deliveries are waiting.
DELIVERIES: Final = Bell()
