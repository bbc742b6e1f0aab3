"""A Celery worker: the task that wakes it, and the loop that runs beside it."""

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
    """Runs a worker until it is told to stop; returns the process's exit status."""
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    return int(app.worker_main(["worker", *options]) or 0)


@app.task(name=TASK)
def there_is_work() -> None:
    """Claims nothing and names nothing: what there is to do stands in the database."""
    bells.JOBS.ring()


@worker_init.connect
def start_loop(**kwargs: Any) -> None:
    """Before the broker is reached: jobs go on where it cannot be. Raises WorkerTerminate without a model."""
    try:
        worker = worker_here(_stop)
    except ModelNotReady as error:
        log.error("jobs cannot be processed: %s", error)
        raise WorkerTerminate(1) from error
    except Exception as error:
        # Celery would only log it, and stay without a loop.
        log.exception("jobs cannot be processed")
        raise WorkerTerminate(1) from error
    # Celery listens to it only a moment after the loop began; until then it would end us with images in our hands.
    signal.signal(signal.SIGTERM, _leave)
    loop = threading.Thread(target=worker.run, name="jobs")
    loop.start()
    _loops.append(loop)


def _leave(*_: Any) -> None:
    """Says it to the loop and, as Celery's own handler does, to Celery; what is being started is not torn."""
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
