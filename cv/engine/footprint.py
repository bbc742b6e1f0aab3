"""How much memory an engine's own process takes: a wall that no image gets past, and what one may leave behind."""

import ctypes
import resource
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")
# What one image may add to the address space. No accepted one adds more than 0.9 GB; what is not counted here is a
# decoder's mistake, and ends as an error in this process instead of taking the machine's last memory.
_ROOM: Final = 1280 * 2**20
# Each further thread brings a stack and an arena of the C library, which are reserved and hardly used.
_ROOM_FOR_THREAD: Final = 136 * 2**20
# What images may leave behind in the process, after freed memory was given back: 60 MB are the nets' own, from their
# first faces on.
_LEFT: Final = 160 * 2**20


class Footprint:
    """Of a process that has just loaded so many models and does nothing else. Without /proc it watches nothing.

    From now on an allocation far beyond what an image may take fails in this process, if it says how many ``threads``
    it has.
    """

    def __init__(self, models: int, threads: int | None) -> None:
        self._threads = threads
        self._models = models
        self._measure()

    def note_models(self, models: int) -> None:
        """What a model takes that was loaded since is no image's."""
        if models != self._models:
            self._models = models
            self._measure()

    def _measure(self) -> None:
        address_space, self._loaded = _bytes_used()
        if address_space and self._threads is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            most = address_space + _ROOM + self._threads * _ROOM_FOR_THREAD
            resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))

    def stays_large(self) -> bool:
        """Whether images have left more behind than one may, also when all freed memory is given back."""
        if _bytes_used()[1] - self._loaded <= _LEFT:
            return False
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)
        return _bytes_used()[1] - self._loaded > _LEFT


def _bytes_used() -> tuple[int, int]:
    """The process's address space and what of it is in memory; zeros where the system does not say."""
    try:
        size, resident, *_ = _STATM.read_text().split()
    except OSError:
        return 0, 0
    page = resource.getpagesize()
    return int(size) * page, int(resident) * page
