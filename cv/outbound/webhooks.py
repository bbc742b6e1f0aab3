"""Posts an event to a webhook: signed, and never to private addresses."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from cv.models import Webhook, WebhookDelivery
from cv.outbound.addresses import FetchError, check_url
from cv.outbound.http import Deadline, open_response
from cv.trust.sealing import Unreadable, unseal

SECRET_PURPOSE: Final = "webhook"  # noqa: S105 -- what the seal is for, not a secret
# Less than the lease of a claimed delivery.
DEADLINE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Tried:
    """The outcome of one attempt: the receiver's status, or the reason why there was none."""

    status: int | None = None
    error: str = ""

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def build_body(delivery: WebhookDelivery) -> bytes:
    """The body of the request, the same bytes on every attempt."""
    return json.dumps({"id": str(delivery.pk), **delivery.payload}, sort_keys=True, separators=(",", ":")).encode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """``t=…,v1=…``: HMAC-SHA256 over the time and the body, so that a recorded request cannot be replayed later."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def standard_signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,BASE64`` as Standard Webhooks 1.0 says: HMAC-SHA256 over id, time and body, by the secret's bytes."""
    # The secrets of webhooks from before this signature have the URL-safe alphabet and no padding.
    text = secret.removeprefix("whsec_").rstrip("=").replace("-", "+").replace("_", "/")
    key = base64.b64decode(text + "=" * (-len(text) % 4))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def post_delivery(delivery: WebhookDelivery) -> Tried:
    """Attempts a delivery once. Takes at most DEADLINE_S."""
    body, now = build_body(delivery), int(time.time())
    try:
        secret = unseal(SECRET_PURPOSE, delivery.webhook.secret_sealed)
        parts, port = check_url(delivery.webhook.url)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "XCloud/1",
            "Connection": "close",
            "X-XCloud-Event": delivery.event,
            "X-XCloud-Delivery": str(delivery.pk),
            "X-XCloud-Signature": signature(secret, now, body),
            "Webhook-Id": str(delivery.pk),
            "Webhook-Timestamp": str(now),
            "Webhook-Signature": standard_signature(secret, str(delivery.pk), now, body),
        }
        # A redirect counts as not delivered: the operator named this address and no other.
        with open_response(
            "POST", parts, port, Deadline(DEADLINE_S), headers, f"webhook:{delivery.webhook_id}", body
        ) as response:
            status = response.status
    except FetchError as error:
        return Tried(error=str(error))
    except Unreadable:
        return Tried(error="the webhook's secret cannot be read: SECRET_KEY was changed; create the webhook again")
    return Tried(status, "" if 200 <= status < 300 else f"the receiver answered {status}")


def post_test(webhook: Webhook) -> Tried:
    """Posts an event ``test`` that is in no log, signed like every other. Takes at most DEADLINE_S."""
    payload = {"event": "test", "created_at": timezone.now().isoformat(timespec="milliseconds"), "data": {}}
    return post_delivery(WebhookDelivery(webhook=webhook, event="test", payload=payload))
