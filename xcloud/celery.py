"""Celery, where XCLOUD_BROKER_URL names a broker: it carries one message, that there is something to do.

Start workers with ``manage.py run_worker``, or as any Celery worker: ``celery -A xcloud.celery worker``.
"""

import os

from celery import Celery
from kombu.common import Broadcast
from kombu.entity import Exchange

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xcloud.settings")

from django.conf import settings

# Every worker has a queue of its own behind it: all are woken, and none stores what nobody hears.
DOORBELL = Exchange("xcloud.doorbell", type="fanout")
# A fanout needs no key; Redis's, which are patterns, do.
RING = "ring"
# What a request may wait for a broker that does not answer.
TIMEOUT_S = 2

app = Celery("xcloud", broker=settings.XCLOUD_BROKER_URL or "memory://")
app.config_from_object(
    {
        "imports": ["cv.tasks"],
        "task_queues": [Broadcast(DOORBELL.name, exchange=DOORBELL, routing_key=RING)],
        "task_ignore_result": True,
        # The task rings a bell of this process: in a child process nobody would hear it.
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


def run() -> int:
    """Runs a worker until it is told to stop; returns the process's exit status."""
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    return int(app.worker_main(["worker", *options]) or 0)
