"""A process that works on jobs: its engine, how many threads it has, and how it steps back for requests."""

import os
import threading
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from cv.engine.pool import get_pool
from cv.workers.worker import Worker


def worker_here(stop: threading.Event, only: UUID | None = None) -> Worker:
    """This process's worker, for all jobs or for ``only`` one, with its engines loaded. Raises ModelNotReady."""
    at_once = settings.XCLOUD_JOB_THREADS or cores()
    # One thread a net, and many images at once: nothing is lost to waiting for each other.
    engines = get_pool(replace(settings.XCLOUD_ENGINE, threads=1), at_once)
    engines.start()
    engines.check()
    return Worker(engines, at_once, stop, only)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def step_back() -> None:
    """Lets everything else on this machine go first, above all requests that somebody waits for."""
    os.nice(settings.XCLOUD_JOB_NICE)
