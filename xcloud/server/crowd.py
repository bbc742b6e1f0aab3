"""Holds back requests that would find no place at the engines, so that refusing them costs next to nothing.

The application refuses an image whose caller has all its places, but only after it has checked the key and parsed the
body, which takes 3 ms of a core. Sixty clients of one key without patience would use more of it than the engines do.
"""

from __future__ import annotations

import time
from typing import Final

from cv.serving.shares import Share

# While all places of a caller are taken, this often one of its requests is let through, to be refused or not.
REFUSED_EVERY_S: Final = 0.1
# So long a request is held back at most: as the last of 150 of one caller.
HELD_S: Final = 15.0
MOST_KNOWN: Final = 1000

# Who sends a request, its method and its path.
Call = tuple[str, str, str]


class Crowd:
    """Knows from earlier answers who asks for a place where. All methods run in the server's loop."""

    def __init__(self) -> None:
        self._shares: dict[Call, Share] = {}
        # By the share: when the last request was let through although there was no place.
        self._let_through: dict[Share, float] = {}

    def learn(self, call: Call, share: Share) -> None:
        """Remembers that such a request asked for a place in ``share``."""
        self._shares.pop(call, None)
        self._shares[call] = share
        if len(self._shares) > MOST_KNOWN:
            del self._shares[next(iter(self._shares))]

    def knows(self, call: Call) -> bool:
        """Whether it is known that this request asks for a place."""
        return call in self._shares

    def is_full(self, call: Call) -> bool:
        """Whether it is known that this request would find no place now."""
        share = self._shares.get(call)
        return share is not None and not share.has_room()

    def lets_through(self, call: Call, held_s: float = 0.0) -> bool:
        """Whether the application shall handle this request, held back for ``held_s`` so far, now."""
        if held_s >= HELD_S or not self.is_full(call):
            return True
        share = self._shares[call]
        now = time.monotonic()
        self._let_through = {other: at for other, at in self._let_through.items() if now - at < REFUSED_EVERY_S}
        if share in self._let_through:
            return False
        self._let_through[share] = now
        return True
