"""Turns at something that few can use at once, shared fairly among callers by the time that each has had."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator


class NoTurn(Exception):
    """Others were first for as long as the caller had patience."""


class FairTurns:
    """``at_once`` turns. Thread-safe.

    Of those who wait, the caller is next whose images took the least time so far: thirty slow images of one caller
    hold up another's two quick ones for as long as one takes. Who has not been here for a while starts level with the
    others, not with credit.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._lock = threading.Lock()
        # Of callers that wait or have a turn: seconds so far, since when each turn runs, and who waits.
        self._spent: dict[str, float] = {}
        self._running: dict[str, list[float]] = {}
        self._lines: dict[str, deque[threading.Event]] = {}
        self._level = 0.0

    @contextlib.contextmanager
    def turn(self, caller: str, patience_s: float | None = None) -> Iterator[None]:
        """Waits for a turn, and has it while the block runs. Raises NoTurn."""
        self._wait(caller, patience_s)
        try:
            yield
        finally:
            self._pass_on(caller)

    def _wait(self, caller: str, patience_s: float | None) -> None:
        came = threading.Event()
        with self._lock:
            self._spent.setdefault(caller, self._level)
            if self._free:
                self._free -= 1
                self._begin(caller)
                return
            self._lines.setdefault(caller, deque()).append(came)
        if came.wait(patience_s):
            return
        with self._lock:
            if not came.is_set():
                self._leave(caller, came)
                raise NoTurn("no turn came in time")

    def _begin(self, caller: str) -> None:
        self._running.setdefault(caller, []).append(time.monotonic())

    def _pass_on(self, caller: str) -> None:
        with self._lock:
            # Its turns are all alike: the one that began first is taken for the one that ends.
            self._spent[caller] += time.monotonic() - self._running[caller].pop(0)
            if not self._running[caller]:
                del self._running[caller]
            if not self._lines:
                self._free += 1
            else:
                following = min(self._lines, key=self._time_of)
                self._level = self._spent[following]
                came = self._lines[following][0]
                self._begin(following)
                self._leave(following, came)
                came.set()
            self._forget(caller)

    def _time_of(self, caller: str) -> float:
        now = time.monotonic()
        return self._spent[caller] + sum(now - began for began in self._running.get(caller, ()))

    def _leave(self, caller: str, came: threading.Event) -> None:
        line = self._lines[caller]
        line.remove(came)
        if not line:
            del self._lines[caller]
        self._forget(caller)

    def _forget(self, caller: str) -> None:
        if caller not in self._lines and caller not in self._running:
            self._spent.pop(caller, None)
