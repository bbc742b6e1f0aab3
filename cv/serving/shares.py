"""Divides a limited amount among callers. No caller holds more than half."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


class Shares:
    """An amount ``total`` of something: threads, places, bytes. Thread-safe.

    One caller gets at most half, so that a second one always finds room; ``of_one`` sets another limit.
    """

    def __init__(self, total: int, of_one: int | None = None) -> None:
        self.total = total
        self.of_one = max(1, total // 2) if of_one is None else of_one
        self._held: Counter[str] = Counter()
        self._sum = 0
        self._lock = threading.Lock()

    def take(self, caller: str, amount: int = 1) -> bool:
        """Takes ``amount`` for ``caller`` if there is room; returns whether there was."""
        with self._lock:
            if self._sum + amount > self.total or self._held[caller] + amount > self.of_one:
                # Reading the counter created an entry; without this, unknown callers would fill the memory.
                self._forget(caller)
                return False
            self._held[caller] += amount
            self._sum += amount
            return True

    def has_room(self, caller: str) -> bool:
        """Whether ``caller`` could take one now."""
        with self._lock:
            return self._sum < self.total and self._held.get(caller, 0) < self.of_one

    def give_back(self, caller: str, amount: int = 1) -> None:
        with self._lock:
            self._held[caller] -= amount
            self._sum -= amount
            self._forget(caller)

    @contextlib.contextmanager
    def held(self, caller: str, refusal: Exception) -> Iterator[None]:
        """Holds one while the block runs. Raises ``refusal`` at once if there is no room."""
        if not self.take(caller):
            raise refusal
        try:
            yield
        finally:
            self.give_back(caller)

    def _forget(self, caller: str) -> None:
        if not self._held[caller]:
            del self._held[caller]


@dataclass(frozen=True, slots=True)
class Share:
    """A caller's part of ``shares``."""

    shares: Shares
    caller: str

    def has_room(self) -> bool:
        return self.shares.has_room(self.caller)


# The share at the engines that the current request has asked for: the server holds back others that would find no room.
asked: ContextVar[Share | None] = ContextVar("asked", default=None)
