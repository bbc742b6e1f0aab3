"""Posts events to webhooks: signed, never to private addresses, each try written down."""

import hashlib
import hmac
import json
import logging
import threading
import time
from typing import Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from cv import doorbell
from cv.addresses import FetchError, checked_url
from cv.models import WebhookDelivery
from cv.outbound import Deadline, answer_of
from cv.sealing import Unreadable, unseal
from cv.services.webhooks import SECRET_PURPOSE, Tried, delivery_claim, delivery_note
from telemetry.metrics import DELIVERIES

log = logging.getLogger(__name__)

# Less than the lease of a claimed delivery.
DEADLINE_S: Final = 15.0
# A look every so often even if nobody rings: retries come due, and other processes write deliveries, too.
IDLE_S: Final = 5.0


def deliver_due(limit: int | None = None) -> int:
    """Tries every delivery that is due; returns how many were tried."""
    tried = 0
    while (limit is None or tried < limit) and (delivery := delivery_claim()) is not None:
        outcome = _sent(delivery)
        delivery_note(delivery, outcome)
        DELIVERIES.labels("delivered" if outcome.arrived else "failed").inc()
        log.info("webhook tried", extra={"delivery": str(delivery.pk), "status": outcome.status, "code": outcome.error})
        tried += 1
    return tried


def body_of(delivery: WebhookDelivery) -> bytes:
    """What is posted: the same bytes at every try."""
    return json.dumps({"id": str(delivery.pk), **delivery.payload}, sort_keys=True, separators=(",", ":")).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """``t=…,v1=…``: HMAC-SHA256 over the moment and the body, so that a recorded post cannot be replayed later."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def _sent(delivery: WebhookDelivery) -> Tried:
    body = body_of(delivery)
    try:
        secret = unseal(SECRET_PURPOSE, delivery.webhook.secret_sealed)
        parts, port = checked_url(delivery.webhook.url)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "XCloud/1",
            "Connection": "close",
            "X-XCloud-Event": delivery.event,
            "X-XCloud-Delivery": str(delivery.pk),
            "X-XCloud-Signature": signature(secret, int(time.time()), body),
        }
        # A redirect counts as not delivered: the operator named this address and no other.
        with answer_of("POST", parts, port, Deadline(DEADLINE_S), headers, body) as response:
            status = response.status
    except FetchError as error:
        return Tried(error=str(error))
    except Unreadable:
        return Tried(error="the webhook's secret cannot be read: SECRET_KEY was changed; make the webhook anew")
    return Tried(status, "" if 200 <= status < 300 else f"the receiver answered {status}")


def run_forever(stop: threading.Event) -> None:
    """Delivers what is due, over and over; a database that is away for a while does not end it."""
    while not stop.is_set():
        try:
            close_old_connections()
            deliver_due()
        except DatabaseError:
            log.exception("webhooks: the database does not answer")
        except Exception:
            log.exception("webhooks: a delivery failed in a way that was not foreseen")
        doorbell.wait(IDLE_S)


def start_thread() -> None:
    """Starts the server's own delivering thread, where the settings want one."""
    if settings.XCLOUD_WEBHOOK_THREAD:
        threading.Thread(target=run_forever, args=[threading.Event()], name="webhooks", daemon=True).start()
