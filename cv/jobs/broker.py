"""Wakes workers when a job is waiting: in this process, and through the broker if there is one.

The broker carries only one kind of message, which says that there is work.
"""

import logging
from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings

from cv import bells

if TYPE_CHECKING:
    from celery import Celery

log = logging.getLogger(__name__)

# Each worker has its own queue on this exchange, so every message wakes all workers and none is stored for later.
EXCHANGE: Final = "xcloud.doorbell"
# A fanout exchange ignores the routing key, but Redis uses it as a pattern.
ROUTING_KEY: Final = "ring"
TASK: Final = "xcloud.there_is_work"
# How long a request waits if the broker does not answer.
TIMEOUT_S: Final = 2
# Older messages are useless, because workers poll by themselves.
EXPIRES_S: Final = 60


def announce_jobs() -> None:
    """Wakes the workers. Never fails: workers find the job in the database even if the broker is down."""
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
    """Wakes every worker. If the broker is down, raises its client's error after a short time."""
    from kombu.entity import Exchange

    exchange = Exchange(EXCHANGE, type="fanout")
    # Without type and key, Celery bypasses the exchange and sends to a queue that has no reader.
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
    """Celery for XCLOUD_BROKER_URL. A server without a broker does not import Celery."""
    from celery import Celery
    from kombu.common import Broadcast
    from kombu.entity import Exchange

    app = Celery("xcloud", broker=settings.XCLOUD_BROKER_URL or "memory://")
    app.config_from_object(
        {
            "imports": ["cv.workers.celery"],
            "task_queues": [Broadcast(EXCHANGE, exchange=Exchange(EXCHANGE, type="fanout"), routing_key=ROUTING_KEY)],
            "task_ignore_result": True,
            # The task rings a bell of this process, so it cannot run in a child process.
            "worker_pool": "solo",
            "worker_enable_remote_control": False,
            "worker_hijack_root_logger": False,
            "broker_connection_timeout": TIMEOUT_S,
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,
            # Only Redis knows this option; py-amqp uses the timeout above.
            "broker_transport_options": {"socket_connect_timeout": TIMEOUT_S}
            if settings.XCLOUD_BROKER_URL.startswith("redis")
            else {},
        }
    )
    return app
