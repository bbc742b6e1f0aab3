"""Tells workers everywhere that a job is waiting: in this process, and through the broker if there is one.

The broker carries one message, which says only that there is something to do.
"""

import logging
from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings

from cv import bells

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)

# Every worker has a queue of its own behind this exchange: all are woken, and none stores what is not heard.
EXCHANGE: Final = "xcloud.doorbell"
# A fanout needs no key; Redis's, which are patterns, do.
ROUTING_KEY: Final = "ring"
TASK: Final = "xcloud.there_is_work"
# How long a request waits for a broker that does not answer.
TIMEOUT_S: Final = 2
# A message that was not heard for this long is worth nothing: workers look by themselves meanwhile.
EXPIRES_S: Final = 60


def announce_jobs() -> None:
    """Never fails: the job stands in the database, even if the broker is away."""
    bells.JOBS.ring()
    if not settings.XCLOUD_BROKER_URL:
        return
    try:
        broadcast()
    except Exception as error:
        log.warning(
            "the broker does not answer; workers find the job by themselves", extra={"code": type(error).__name__}
        )


def broadcast() -> None:
    """Wakes every worker. Raises what the broker's client raises, soon, if the broker is away."""
    from kombu.entity import Exchange

    exchange = Exchange(EXCHANGE, type="fanout")
    # Type and key are given: without them Celery sends past the exchange, to a queue that has no reader.
    celery_app().send_task(
        TASK,
        exchange=exchange,
        exchange_type=exchange.type,
        routing_key=ROUTING_KEY,
        declare=[exchange],
        expires=EXPIRES_S,
        retry=False,
    )


@cache
def celery_app() -> "Celery":
    """Celery for XCLOUD_BROKER_URL. A server without a broker imports nothing of it."""
    from celery import Celery
    from kombu.common import Broadcast
    from kombu.entity import Exchange

    app = Celery("xcloud", broker=settings.XCLOUD_BROKER_URL or "memory://")
    app.config_from_object(
        {
            "imports": ["cv.workers.celery"],
            "task_queues": [Broadcast(EXCHANGE, exchange=Exchange(EXCHANGE, type="fanout"), routing_key=ROUTING_KEY)],
            "task_ignore_result": True,
            # The task rings a bell of this process: in a child process it would not be heard.
            "worker_pool": "solo",
            "worker_enable_remote_control": False,
            "worker_hijack_root_logger": False,
            "broker_connection_timeout": TIMEOUT_S,
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,
            # Only Redis knows this one; py-amqp has the time-out above.
            "broker_transport_options": {"socket_connect_timeout": TIMEOUT_S}
            if settings.XCLOUD_BROKER_URL.startswith("redis")
            else {},
        }
    )
    return app
