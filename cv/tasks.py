"""The one task that the broker carries, and the loop that a Celery worker runs beside it."""

import logging
import os
import signal
import threading
from typing import Any, Final

from celery.exceptions import WorkerTerminate
from celery.signals import worker_init, worker_shutdown, worker_shutting_down
from celery.worker import state

from cv.engine.errors import ModelNotReady
from cv.jobs import bell
from xcloud.celery import DOORBELL, RING, app

log = logging.getLogger(__name__)

# A ring that nobody heard for so long is worth nothing: workers look by themselves meanwhile.
EXPIRES_S: Final = 60

_stop = threading.Event()
_loops: list[threading.Thread] = []


@app.task(name="xcloud.there_is_work")
def there_is_work() -> None:
    """Claims nothing and names nothing: what there is to do stands in the database."""
    bell.ring_here()


def ring_all() -> None:
    """Wakes every worker. Raises what the broker's client raises, soon, where the broker is away."""
    # Type and key are said outright: without, Celery sends past the exchange, to a queue that nobody listens to.
    there_is_work.apply_async(
        exchange=DOORBELL,
        exchange_type=DOORBELL.type,
        routing_key=RING,
        declare=[DOORBELL],
        expires=EXPIRES_S,
        retry=False,
    )


@worker_init.connect
def start_loop(**kwargs: Any) -> None:
    """Before the broker is reached: jobs go on where it cannot be. Raises WorkerTerminate without a model."""
    from cv.jobs.process import worker_here

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
    bell.ring_here()


@worker_shutdown.connect
def wait_for_loop(**kwargs: Any) -> None:
    stop_loop()
    for loop in _loops:
        loop.join()
