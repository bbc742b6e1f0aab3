"""Limits how many images wait for an engine; a caller has at most half of the places, and callers take turns."""

import contextlib
import time
from collections.abc import Iterator

from cv.serving.shares import Shares
from cv.serving.turns import FairTurns, NoTurn
from telemetry.metrics import ENGINE_QUEUED


class Overloaded(Exception):
    """Too many are waiting already, or it took too long. ``code`` is stable and part of the public API."""

    code = "overloaded"


class ClientGone(Exception):
    """Nobody waits for the answer any more. ``code`` is only for the log: there is nobody to answer."""

    code = "client_closed_request"


class EngineGate:
    """``places`` images are inside at once, ``at_once`` of which are with the engines; the others wait. Thread-safe.

    An image has a place when all of it is here: an upload that trickles in or an address that hangs takes none.
    """

    def __init__(self, places: int, at_once: int) -> None:
        self._places = Shares(places)
        self._turns = FairTurns(at_once)

    @contextlib.contextmanager
    def admitted(self, caller: str, patience_s: float) -> Iterator[float]:
        """A place, and when its turn has come the seconds of patience that are left. Raises Overloaded."""
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
