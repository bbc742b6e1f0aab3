"""Limits how many images wait for an engine. A caller has at most half of the places, and callers take turns."""

import contextlib
import time
from collections.abc import Iterator

from cv.serving.shares import Shares
from cv.serving.turns import FairTurns, NoTurn
from telemetry.metrics import ENGINE_QUEUED


class Overloaded(Exception):
    """Too many images are waiting, or the wait was too long. ``code`` is stable and part of the public API."""

    code = "overloaded"


class ClientGone(Exception):
    """The client has disconnected. ``code`` only appears in the log."""

    code = "client_closed_request"


class EngineGate:
    """Admits at most ``places`` images, of which ``at_once`` use the engines and the others wait. Thread-safe.

    An image needs a place only when it has been received completely, so slow uploads and slow URLs take none.
    """

    def __init__(self, places: int, at_once: int) -> None:
        self._places = Shares(places)
        self._turns = FairTurns(at_once)

    @contextlib.contextmanager
    def admitted(self, caller: str, patience_s: float) -> Iterator[float]:
        """Takes a place, waits for a turn, and yields the seconds of patience that are left. Raises Overloaded."""
        until = time.monotonic() + patience_s
        with self._places.held(caller, Overloaded("too many images are in progress; try again later")):
            ENGINE_QUEUED.inc()
            try:
                with self._turns.turn(caller, patience_s):
                    yield max(0.0, until - time.monotonic())
            except NoTurn:
                raise Overloaded("no engine became free in time; try again later") from None
            finally:
                ENGINE_QUEUED.dec()
