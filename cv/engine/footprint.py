"""Limits the memory of an engine's process: how much one image may use, and how much may remain afterwards."""

import ctypes
import resource
from pathlib import Path
from typing import Final

from cv.engine.arena import empty_arena

_STATM: Final = Path("/proc/self/statm")
# What one image may add to the address space. No accepted image adds more than 0.9 GB; more is a decoder's mistake,
# which ends as an error in this process instead of using up the machine's memory.
_ROOM: Final = 1280 * 2**20
# Each further thread reserves a stack and an arena of the C library, and hardly uses them.
_ROOM_FOR_THREAD: Final = 136 * 2**20
# What may remain in the process after images, once freed memory is returned; the nets themselves keep 60 MB after
# their first faces.
_LEFT: Final = 160 * 2**20


class Footprint:
    """The memory of a process that has just loaded its models and is idle. Without /proc nothing is measured.

    If the number of ``threads`` is given, allocations far beyond what an image may use fail in this process from now
    on.
    """

    def __init__(self, models: int, threads: int | None) -> None:
        self._threads = threads
        self._models = models
        self._measure()

    def note_models(self, models: int) -> None:
        """Memory of models that were loaded later is not counted as left by images."""
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
        """Whether images have left too much memory in use, even after all freed memory is returned."""
        if _bytes_used()[1] - self._loaded <= _LEFT:
            return False
        return_freed_memory()
        return _bytes_used()[1] - self._loaded > _LEFT


def return_freed_memory() -> None:
    """Gives memory that the nets and the C library keep for later back to the system. The next photo of 2 megapixels
    gets it again in 13 ms."""
    empty_arena()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def _bytes_used() -> tuple[int, int]:
    """The sizes of the process's address space and of its resident part; zeros if the system does not tell."""
    try:
        size, resident, *_ = _STATM.read_text().split()
    except OSError:
        return 0, 0
    page = resource.getpagesize()
    return int(size) * page, int(resident) * page
