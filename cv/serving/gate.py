"""Limits how many images wait for an engine. A caller has at most half of the places, and callers take turns."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cv.serving.shares import Share, Shares, asked
from cv.serving.turns import FairTurns, NoTurn
from telemetry.metrics import ENGINE_QUEUED


class Overloaded(Exception):
    """Too many images are waiting, or the wait was too long. ``code`` is stable and part of the public API."""

    code = "overloaded"


class ClientGone(Exception):
    """The client has disconnected. ``code`` only appears in the log."""

    code = "client_closed_request"


@dataclass(frozen=True, slots=True)
class Admission:
    """How long an admitted image may still wait for an engine, and its rank among those that do: the lowest is next."""

    patience_s: float
    rank: Callable[[], float]


class EngineGate:
    """Admits at most ``places`` images. Thread-safe.

    Of these, ``at_once`` use the engines or are next, and the others wait. An image of a caller that has none at the
    engines does not wait behind others: up to ``ahead`` of such images are next, too. An image needs a place only when
    it has been received completely, so slow uploads and slow URLs take none.
    """

    def __init__(self, places: int, at_once: int, ahead: int = 0) -> None:
        self._places = Shares(places)
        self._turns = FairTurns(at_once, ahead)

    @contextlib.contextmanager
    def admitted(self, caller: str, patience_s: float) -> Iterator[Admission]:
        """Takes a place, waits for a turn, and holds both while the block runs. Raises Overloaded."""
        until = time.monotonic() + patience_s
        asked.set(Share(self._places, caller))
        with self._places.held(caller, Overloaded("too many images are in progress; try again later")):
            ENGINE_QUEUED.inc()
            try:
                with self._turns.turn(caller, patience_s) as seconds_used:
                    yield Admission(max(0.0, until - time.monotonic()), seconds_used)
            except NoTurn:
                raise Overloaded("no engine became free in time; try again later") from None
            finally:
                ENGINE_QUEUED.dec()
