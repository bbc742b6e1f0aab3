"""Delivers what is due to webhooks, over and over; each try is written down."""

import logging
import threading
from typing import Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from cv import bells
from cv.outbound.webhooks import post_delivery
from cv.services.webhooks import delivery_claim, delivery_note
from telemetry.metrics import DELIVERIES

log = logging.getLogger(__name__)

# Looks this often even if the bell is not rung: retries come due, and other processes write deliveries, too.
IDLE_S: Final = 5.0


def deliver_due(limit: int | None = None) -> int:
    """Tries every delivery that is due; returns how many were tried."""
    tried = 0
    while (limit is None or tried < limit) and (delivery := delivery_claim()) is not None:
        outcome = post_delivery(delivery)
        delivery_note(delivery, outcome)
        DELIVERIES.labels("delivered" if outcome.arrived else "failed").inc()
        log.info("webhook tried", extra={"delivery": str(delivery.pk), "status": outcome.status, "code": outcome.error})
        tried += 1
    return tried


def run_forever(stop: threading.Event) -> None:
    """Delivers until ``stop`` is set; a database that is away for a while does not end it."""
    while not stop.is_set():
        try:
            close_old_connections()
            deliver_due()
        except DatabaseError:
            log.exception("webhooks: the database does not answer")
        except Exception:
            log.exception("webhooks: a delivery failed unexpectedly")
        bells.DELIVERIES.wait(IDLE_S)


def start_thread() -> None:
    """Starts the server's own delivering thread, if the settings want one."""
    if settings.XCLOUD_WEBHOOK_THREAD:
        threading.Thread(target=run_forever, args=[threading.Event()], name="webhooks", daemon=True).start()
