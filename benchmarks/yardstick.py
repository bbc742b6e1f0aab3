"""Processor time in matrix products: a unit that grows with a slower core and with load as the measured work does."""

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

_SIDE: Final = 512
_PRODUCTS: Final = 20


def in_products(works: Sequence[Callable[[], object]], turns: int = 3) -> float:
    """The mean processor time of ``works``, as a multiple of a float32 matrix product's of side 512 on one core.

    Works and products take turns, and of each the least time of all turns counts, so that other load hardly does.
    """
    with threadpool_limits(1, "blas"):
        return _mean_least(works, [_multiply] * _PRODUCTS, turns)


def _mean_least(works: Sequence[Callable[[], object]], products: Sequence[Callable[[], object]], turns: int) -> float:
    seconds = np.array([[cpu_seconds(work) for work in [*works, *products]] for _ in range(turns)]).min(axis=0)
    return round(float(seconds[: len(works)].mean() / seconds[len(works) :].mean()), 2)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time of this process, all threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


def _multiply() -> npt.NDArray[np.float32]:
    return _factor() @ _factor()


@cache
def _factor() -> npt.NDArray[np.float32]:
    return np.ones((_SIDE, _SIDE), np.float32)
