"""The door of the server: so many image requests are let in, and everyone else is told to come back."""

import contextlib
import threading
from collections.abc import Iterator

from telemetry.metrics import ENGINE_QUEUED


class Overloaded(Exception):
    """Too many are waiting already, or it took too long. ``code`` is stable and part of the public API."""

    code = "overloaded"


class ClientGone(Exception):
    """Nobody waits for the answer any more. ``code`` is only for the log: there is nobody to answer."""

    code = "client_closed_request"


class EngineGate:
    """``places`` image requests are inside at once: in an engine or in line for one. Thread-safe.

    The rest is refused at once, so that the server's other threads stay free to say so and to answer /healthz.
    """

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Room for a request from its first byte to its answer. Raises Overloaded at once where there is none."""
        if not self._places.acquire(blocking=False):
            raise Overloaded("too many images are in progress; try again later")
        ENGINE_QUEUED.inc()
        try:
            yield
        finally:
            ENGINE_QUEUED.dec()
            self._places.release()
