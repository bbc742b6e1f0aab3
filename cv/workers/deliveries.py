"""Delivers what is due to webhooks, over and over; each try is written down."""

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

# Looks this often even if the bell is not rung: retries come due, and other processes write deliveries, too.
IDLE_S: Final = 5.0
# Receivers that are told at once, each one event at a time: one that hangs delays only its own.
AT_ONCE: Final = 8


def deliver_due(limit: int | None = None) -> int:
    """Tries every delivery that is due, one after another; returns how many were tried."""
    tried = 0
    while (limit is None or tried < limit) and (delivery := delivery_claim()) is not None:
        deliver(delivery)
        tried += 1
    return tried


def deliver(delivery: WebhookDelivery) -> None:
    """Tries one that was claimed, and writes down how it went."""
    outcome = post_delivery(delivery)
    delivery_note(delivery, outcome)
    DELIVERIES.labels("delivered" if outcome.arrived else "failed").inc()
    log.info("webhook tried", extra={"delivery": str(delivery.pk), "status": outcome.status, "code": outcome.error})


def run_forever(stop: threading.Event) -> None:
    """Delivers until ``stop`` is set; a database that is away for a while does not end it."""
    busy: set[UUID] = set()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        while not stop.is_set():
            try:
                close_old_connections()
                # Claimed when there is a thread for it: a claim does not last for ever.
                while len(busy) < AT_ONCE and (delivery := delivery_claim(passing=tuple(busy))) is not None:
                    busy.add(delivery.webhook_id)
                    pool.submit(_deliver_here, delivery).add_done_callback(partial(_free, busy, delivery.webhook_id))
            except DatabaseError:
                log.exception("webhooks: the database does not answer")
            except Exception:
                log.exception("webhooks: deliveries could not be claimed")
            bells.DELIVERIES.wait(IDLE_S)


def start_thread() -> None:
    """Starts the server's own delivering threads, if the settings want them."""
    if settings.XCLOUD_WEBHOOK_THREAD:
        threading.Thread(target=run_forever, args=[threading.Event()], name="webhooks", daemon=True).start()


def _deliver_here(delivery: WebhookDelivery) -> None:
    try:
        close_old_connections()
        deliver(delivery)
    except Exception:
        # Its claim ends, and it is tried again.
        log.exception("webhooks: a delivery failed in a way that was not foreseen")
    finally:
        close_old_connections()


def _free(busy: set[UUID], webhook_id: UUID, _: Future[None]) -> None:
    busy.discard(webhook_id)
    bells.DELIVERIES.ring()
