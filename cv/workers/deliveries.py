"""Sends due webhook deliveries, and records each attempt."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from cv import bells
from cv.models import WebhookDelivery
from cv.outbound.webhooks import post_delivery
from cv.services.webhooks import delivery_claim, delivery_note
from telemetry.metrics import DELIVERIES

log = logging.getLogger(__name__)

# The polling interval if the bell is not rung: retries become due, and other processes create deliveries.
IDLE_S: Final = 5.0
# Receivers served concurrently, each with one event at a time, so that one that hangs delays only its own events.
AT_ONCE: Final = 8


def deliver_due(limit: int | None = None) -> int:
    """Attempts the due deliveries one after another; returns how many."""
    tried = 0
    while (limit is None or tried < limit) and (delivery := delivery_claim()) is not None:
        deliver(delivery)
        tried += 1
    return tried


def deliver(delivery: WebhookDelivery) -> None:
    """Attempts a claimed delivery, and records the outcome."""
    outcome = post_delivery(delivery)
    delivery_note(delivery, outcome)
    DELIVERIES.labels("delivered" if outcome.arrived else "failed").inc()
    log.info("webhook tried", extra={"delivery": str(delivery.pk), "status": outcome.status, "code": outcome.error})


def run_forever(stop: threading.Event) -> None:
    """Delivers until ``stop`` is set. Survives outages of the database."""
    busy: set[UUID] = set()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        while not stop.is_set():
            try:
                close_old_connections()
                # Claims only if a thread is free, because a claim expires.
                while len(busy) < AT_ONCE and (delivery := delivery_claim(passing=tuple(busy))) is not None:
                    busy.add(delivery.webhook_id)
                    pool.submit(_deliver_here, delivery).add_done_callback(partial(_free, busy, delivery.webhook_id))
            except DatabaseError:
                log.exception("webhooks: the database does not answer")
            except Exception:
                log.exception("webhooks: deliveries could not be claimed")
            bells.DELIVERIES.wait(IDLE_S)


def start_thread() -> None:
    """Starts the server's delivery threads if they are enabled in the settings."""
    if settings.XCLOUD_WEBHOOK_THREAD:
        threading.Thread(target=run_forever, args=[threading.Event()], name="webhooks", daemon=True).start()


def _deliver_here(delivery: WebhookDelivery) -> None:
    try:
        close_old_connections()
        deliver(delivery)
    except Exception:
        # The claim expires, and the delivery is tried again.
        log.exception("webhooks: a delivery failed in a way that was not foreseen")
    finally:
        close_old_connections()


def _free(busy: set[UUID], webhook_id: UUID, _: Future[None]) -> None:
    busy.discard(webhook_id)
    bells.DELIVERIES.ring()
