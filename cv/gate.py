"""The door before the engine: so many work, so many wait, and everyone else is told to come back."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from xcloud.metrics import ENGINE_BUSY, ENGINE_QUEUED


class Overloaded(Exception):
    """Too many are waiting already, or it took too long. ``code`` is stable and part of the public API."""

    code = "overloaded"


class ClientGone(Exception):
    """Nobody waits for the answer any more. ``code`` is only for the log: there is nobody to answer."""

    code = "client_closed_request"


class EngineGate:
    """``slots`` images are worked on at once and ``waiting`` more may stand in line. Thread-safe.

    The rest is refused at once, so that the server's other threads stay free to say so and to answer /healthz.
    """

    def __init__(self, slots: int, waiting: int, patience_s: float) -> None:
        self._room = threading.BoundedSemaphore(slots + waiting)
        self._slots = threading.BoundedSemaphore(slots)
        self._patience_s = patience_s

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Room for a request from its first byte to its answer. Raises Overloaded at once where there is none."""
        if not self._room.acquire(blocking=False):
            raise Overloaded("too many images are being analysed; try again")
        ENGINE_QUEUED.inc()
        try:
            yield
        finally:
            ENGINE_QUEUED.dec()
            self._room.release()

    @contextlib.contextmanager
    def slot(self, check_client: Callable[[], None]) -> Iterator[None]:
        """A turn at the engine. Raises Overloaded after too long, and what ``check_client`` raises."""
        if not self._slots.acquire(timeout=self._patience_s):
            raise Overloaded("the engine had no time for this image; try again")
        ENGINE_BUSY.inc()
        try:
            check_client()
            yield
        finally:
            ENGINE_BUSY.dec()
            self._slots.release()
