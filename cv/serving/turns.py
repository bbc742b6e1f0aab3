"""Shares turns at a limited resource fairly among callers, by the time that each has used."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

# After a turn of more than LONG_S, a caller gets at most half of all turns for HELD_S, even if no other caller waits:
# a turn cannot be interrupted, and the caller's next one may be as long. The same holds for a caller of which no turn
# has ended for HELD_S: its first images may be as long, and would hold all engines.
LONG_S: Final = 5.0
HELD_S: Final = 60.0
# After a turn of more than DEAR_S, a caller leaves one engine to the others for LEFT_S, if another caller came within
# the same time. A photo of 640 px takes 0.05 s.
DEAR_S: Final = 0.5
LEFT_S: Final = 10.0


class NoTurn(Exception):
    """No turn became free within the caller's patience."""


class FairTurns:
    """``at_once`` turns, and up to ``ahead`` more for callers that have none. Thread-safe.

    The next turn goes to the waiting caller that has used the least time so far. Thirty slow images of one caller delay
    another's two quick images only once, by the time of one slow image. A caller that returns after a while starts
    level with the others, not with credit, and one that returns at once with what it has used. If there are two or more
    engines, a caller with expensive images never holds all of them while another caller comes now and then.
    """

    def __init__(self, at_once: int, ahead: int = 0) -> None:
        self._free = at_once
        self._ahead = ahead
        self._of_the_slow = max(1, at_once // 2)
        # One turn fewer than there are engines: one more turn than engines is given out (see ``engine_gate``).
        self._of_the_dear = at_once - 2 if at_once > 2 else at_once
        self._lock = threading.Lock()
        # For callers that wait or have a turn, start times of their running turns, and their queues; for these and some
        # others, seconds used.
        self._spent: dict[str, float] = {}
        self._running: dict[str, list[float]] = {}
        self._lines: dict[str, deque[threading.Event]] = {}
        # For callers with long turns: until when they are limited to half.
        self._slow: dict[str, float] = {}
        # For callers with a shorter turn: until when they may have more than half.
        self._known: dict[str, float] = {}
        # For callers with expensive turns: until when they leave one engine to others.
        self._dear: dict[str, float] = {}
        # When the last two different callers came.
        self._came: dict[str, float] = {}
        self._level = 0.0

    @contextlib.contextmanager
    def turn(self, caller: str, patience_s: float | None = None) -> Iterator[Callable[[], float]]:
        """Waits for a turn, and holds it while the block runs. Raises NoTurn.

        Yields a function that returns the seconds that the caller has used so far: the caller with the least is next.
        """
        came = threading.Event()
        with self._lock:
            if caller not in self._lines and caller not in self._running:
                self._spent[caller] = max(self._spent.get(caller, 0.0), self._level)
            self._lines.setdefault(caller, deque()).append(came)
            self._note_arrival(caller)
            self._hand_out()
        if not came.wait(patience_s):
            with self._lock:
                if not came.is_set():
                    self._leave(caller, came)
                    self._forget()
                    raise NoTurn("no turn came in time")
        try:
            yield functools.partial(self._seconds_of, caller)
        finally:
            with self._lock:
                self._end(caller)
                self._hand_out()
                self._forget()

    def _hand_out(self) -> None:
        """Gives free turns to waiting callers."""
        while self._free > -self._ahead:
            now = time.monotonic()
            waiting = [caller for caller in self._lines if self._may_have_one(caller, now)]
            if not waiting:
                return
            caller = min(waiting, key=lambda caller: self._time_of(caller, now))
            came = self._lines[caller][0]
            self._level = self._spent[caller]
            self._leave(caller, came)
            self._free -= 1
            self._running.setdefault(caller, []).append(now)
            came.set()

    def _note_arrival(self, caller: str) -> None:
        self._came.pop(caller, None)
        self._came[caller] = time.monotonic()
        if len(self._came) > 2:
            del self._came[next(iter(self._came))]

    def _may_have_one(self, caller: str, now: float) -> bool:
        running = len(self._running.get(caller, ()))
        if running and self._free <= 0:
            return False
        may_be_slow = self._slow.get(caller, 0.0) >= now or self._known.get(caller, 0.0) < now
        if may_be_slow and running >= self._of_the_slow:
            return False
        others_come = any(came + LEFT_S >= now for other, came in self._came.items() if other != caller)
        return not (others_come and self._dear.get(caller, 0.0) >= now and running >= self._of_the_dear)

    def _seconds_of(self, caller: str) -> float:
        with self._lock:
            return self._time_of(caller, time.monotonic())

    def _time_of(self, caller: str, now: float) -> float:
        return self._spent[caller] + sum(now - began for began in self._running.get(caller, ()))

    def _end(self, caller: str) -> None:
        now = time.monotonic()
        # A caller's turns are interchangeable, so the oldest one is ended.
        seconds = now - self._running[caller].pop(0)
        self._spent[caller] += seconds
        self._free += 1
        if not self._running[caller]:
            del self._running[caller]
        kind = self._slow if seconds > LONG_S else self._known
        kind[caller] = now + HELD_S
        for callers in (self._slow, self._known):
            for gone in [other for other, until in callers.items() if until < now]:
                del callers[gone]
        if seconds > DEAR_S:
            self._dear = {dear: until for dear, until in self._dear.items() if until > now}
            self._dear[caller] = now + LEFT_S

    def _leave(self, caller: str, came: threading.Event) -> None:
        line = self._lines[caller]
        line.remove(came)
        if not line:
            del self._lines[caller]

    def _forget(self) -> None:
        """Forgets callers that wait for nothing, unless they have used more than the caller that was served last.

        Otherwise a caller that sends one image after the other would always come back level with those that wait.
        """
        if self._lines or self._running:
            active = self._lines.keys() | self._running.keys()
            self._spent = {caller: s for caller, s in self._spent.items() if caller in active or s > self._level}
        else:
            self._spent.clear()
