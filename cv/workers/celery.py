"""A Celery worker: the task that wakes it, and the thread that processes jobs."""

import logging
import os
import signal
import threading
from typing import Any

from celery.exceptions import WorkerTerminate
from celery.signals import worker_init, worker_shutdown, worker_shutting_down
from celery.worker import state

from cv import bells
from cv.engine.errors import ModelNotReady
from cv.jobs.broker import TASK, celery_app
from cv.workers.process import worker_here

log = logging.getLogger(__name__)

app = celery_app()

_stop = threading.Event()
_loops: list[threading.Thread] = []


def run() -> int:
    """Runs a worker until it is stopped; returns the process's exit status."""
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    return int(app.worker_main(["worker", *options]) or 0)


@app.task(name=TASK)
def there_is_work() -> None:
    """Wakes the loop. The message has no content, because the work is in the database."""
    bells.JOBS.ring()


@worker_init.connect
def start_loop(**kwargs: Any) -> None:
    """Starts the loop before Celery connects, so that jobs run without the broker. Raises WorkerTerminate."""
    try:
        worker = worker_here(_stop)
    except ModelNotReady as error:
        log.error("jobs cannot be processed: %s", error)
        raise WorkerTerminate(1) from error
    except Exception as error:
        # Celery would only log the error and keep running without a loop.
        log.exception("jobs cannot be processed")
        raise WorkerTerminate(1) from error
    # Celery installs its own handler later; until then, SIGTERM would kill the process while it holds items.
    signal.signal(signal.SIGTERM, _leave)
    loop = threading.Thread(target=worker.run, name="jobs")
    loop.start()
    _loops.append(loop)


def _leave(*_: Any) -> None:
    """Stops the loop and, like Celery's own handler, Celery. Startup in progress is not interrupted."""
    stop_loop()
    state.should_stop = os.EX_OK


@worker_shutting_down.connect
def stop_loop(**kwargs: Any) -> None:
    _stop.set()
    bells.JOBS.ring()


@worker_shutdown.connect
def wait_for_loop(**kwargs: Any) -> None:
    stop_loop()
    for loop in _loops:
        loop.join()
