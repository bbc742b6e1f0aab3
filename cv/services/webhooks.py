"""Creates webhooks, their deliveries, and the outcome of each delivery attempt."""

import base64
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from cv import bells
from cv.choices import DeliveryState, WebhookEvent
from cv.models import Webhook, WebhookDelivery
from cv.outbound.webhooks import SECRET_PURPOSE, Tried
from cv.trust.sealing import seal

# The delays between attempts; together a day and a half.
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 28_800, 86_400))
# Longer than an attempt can take, so another worker takes over only if this one died.
LEASE = timedelta(seconds=60)


def webhook_create(url: str, events: Iterable[WebhookEvent]) -> tuple[Webhook, str]:
    """Creates a webhook; returns it with its secret, which is returned only here."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    row = Webhook.objects.create(
        url=url, events=sorted({str(event) for event in events}), secret_sealed=seal(SECRET_PURPOSE, secret)
    )
    return row, secret


def webhook_update(row: Webhook, **changes: Any) -> Webhook:
    """Changes the given fields: url, events, active. Raises Webhook.DoesNotExist if it was deleted concurrently."""
    if "events" in changes:
        changes["events"] = sorted({str(event) for event in changes["events"]})
    with transaction.atomic():
        row = Webhook.objects.select_for_update().get(pk=row.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=list(changes))
    return row


def webhook_delete(row: Webhook) -> None:
    """Deletes the webhook with its delivery log. Pending deliveries are dropped."""
    row.delete()


def event_emit(event: WebhookEvent, *happened: dict[str, Any]) -> None:
    """Creates a delivery of each event for each subscribed webhook. Call it in the transaction of the change.

    The data contain only ids and counts; the receiver reads the rest through the API with its own key.
    """
    now = timezone.now()
    active = Webhook.objects.filter(active=True).order_by().values_list("pk", "events")
    rows = [
        WebhookDelivery(
            webhook_id=pk,
            event=event,
            payload={"event": str(event), "created_at": now.isoformat(timespec="milliseconds"), "data": data},
            created_at=now,
            next_attempt_at=now,
        )
        for pk, events in active
        if event in events
        for data in happened
    ]
    if rows:
        WebhookDelivery.objects.bulk_create(rows)
        transaction.on_commit(bells.DELIVERIES.ring)


def delivery_claim(now: datetime | None = None, passing: Collection[UUID] = ()) -> WebhookDelivery | None:
    """Claims the delivery that has been due the longest, so that no other worker sends it; None if none is due.

    Deliveries to the webhooks in ``passing`` are skipped.
    """
    now = now or timezone.now()
    due = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=now)
    due = due.exclude(webhook__in=passing)
    for row in due.select_related("webhook").order_by("next_attempt_at")[:20]:
        # Compare and swap: only one worker can change ``next_attempt_at`` from the value that it read.
        unmoved = WebhookDelivery.objects.filter(
            pk=row.pk, state=DeliveryState.PENDING, attempts=row.attempts, next_attempt_at=row.next_attempt_at
        )
        if unmoved.update(next_attempt_at=now + LEASE, attempts=row.attempts + 1):
            row.attempts += 1
            return row
    return None


def delivery_note(row: WebhookDelivery, tried: Tried, now: datetime | None = None) -> None:
    """Stores the outcome of an attempt and when the next is due. Does nothing if the webhook has been deleted."""
    now = now or timezone.now()
    row.last_status, row.last_error = tried.status, tried.error[:200]
    if tried.arrived:
        row.state, row.next_attempt_at, row.finished_at = DeliveryState.DELIVERED, None, now
    elif row.attempts > len(BACK_OFF):
        row.state, row.next_attempt_at, row.finished_at = DeliveryState.FAILED, None, now
    else:
        row.next_attempt_at = now + BACK_OFF[row.attempts - 1]
    columns = ("last_status", "last_error", "state", "next_attempt_at", "finished_at")
    WebhookDelivery.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in columns})
