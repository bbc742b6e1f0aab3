"""Tells workers that there is something to do: in this process, and through the broker where there is one.

The rows say what is to be done. A ring that is lost costs the seconds until a worker looks by itself.
"""

import logging
import threading

from django.conf import settings

log = logging.getLogger(__name__)

_bell = threading.Event()


def ring() -> None:
    """Never fails: the job stands in the database, whatever becomes of the broker."""
    ring_here()
    if not settings.XCLOUD_BROKER_URL:
        return
    # Imported here: who has no broker loads nothing of it.
    from cv.tasks import ring_all

    try:
        ring_all()
    except Exception as error:
        log.warning(
            "the broker does not answer; workers find the job by themselves", extra={"code": type(error).__name__}
        )


def ring_here() -> None:
    """Wakes whoever waits in this process."""
    _bell.set()


def wait(seconds: float) -> None:
    """Until someone rings, or so many seconds."""
    _bell.wait(seconds)
    _bell.clear()
