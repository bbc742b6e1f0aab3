"""Sets up a process that works on jobs: its engines, its threads and its priority."""

import os
import threading
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from cv.engine.pool import get_pool
from cv.workers.worker import Worker


def worker_here(stop: threading.Event, only: UUID | None = None) -> Worker:
    """This process's worker with loaded engines, for all jobs or for the job ``only``. Raises ModelNotReady."""
    at_once = settings.XCLOUD_JOB_THREADS or cores()
    # One thread per network and many images at once, so that no thread waits for another one's part of an image.
    engines = get_pool(replace(settings.XCLOUD_ENGINE, threads=1), at_once)
    engines.start()
    engines.check()
    return Worker(engines, at_once, stop, only)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def step_back() -> None:
    """Lowers the priority of this process, so that requests go first."""
    os.nice(settings.XCLOUD_JOB_NICE)
