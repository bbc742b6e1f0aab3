"""Makes webhooks, writes down what they are to be told, and how each telling went."""

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

# The wait before each next try; with the last one, a delivery has been tried for a day and a half.
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 28_800, 86_400))
# Longer than a try may take: another worker takes the delivery over only if this one died.
LEASE = timedelta(seconds=60)


def webhook_create(url: str, events: Iterable[WebhookEvent]) -> tuple[Webhook, str]:
    """Makes a webhook; its secret is returned this once."""
    secret = f"whsec_{secrets.token_urlsafe(32)}"
    row = Webhook.objects.create(
        url=url, events=sorted({str(event) for event in events}), secret_sealed=seal(SECRET_PURPOSE, secret)
    )
    return row, secret


def webhook_update(row: Webhook, **changes: Any) -> Webhook:
    """Changes what is named: url, events, active. Raises Webhook.DoesNotExist where it was deleted meanwhile."""
    if "events" in changes:
        changes["events"] = sorted({str(event) for event in changes["events"]})
    with transaction.atomic():
        row = Webhook.objects.select_for_update().get(pk=row.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=list(changes))
    return row


def webhook_delete(row: Webhook) -> None:
    """Removes it with its delivery log; what was not delivered yet never will be."""
    row.delete()


def event_emit(event: WebhookEvent, *happened: dict[str, Any]) -> None:
    """Writes a delivery of each time the event happened for each webhook that wants it, in the transaction of it.

    The data hold ids and counts only: the receiver reads the rest through the API, with a key of its own.
    """
    now = timezone.now()
    wanted = [row for row in Webhook.objects.filter(active=True) if event in row.events]
    rows = [
        WebhookDelivery(
            webhook=row,
            event=event,
            payload={"event": str(event), "created_at": now.isoformat(timespec="milliseconds"), "data": data},
            created_at=now,
            next_attempt_at=now,
        )
        for row in wanted
        for data in happened
    ]
    if rows:
        WebhookDelivery.objects.bulk_create(rows)
        transaction.on_commit(bells.DELIVERIES.ring)


def delivery_claim(now: datetime | None = None, passing: Collection[UUID] = ()) -> WebhookDelivery | None:
    """The delivery that has been due the longest, taken so that no other worker sends it meanwhile.

    Those to webhooks in ``passing`` are left where they are.
    """
    now = now or timezone.now()
    due = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=now)
    due = due.exclude(webhook__in=passing)
    for row in due.select_related("webhook").order_by("next_attempt_at")[:20]:
        # Whoever moves the moment from the value they saw has it; everyone else changes no row.
        unmoved = WebhookDelivery.objects.filter(
            pk=row.pk, state=DeliveryState.PENDING, attempts=row.attempts, next_attempt_at=row.next_attempt_at
        )
        if unmoved.update(next_attempt_at=now + LEASE, attempts=row.attempts + 1):
            row.attempts += 1
            return row
    return None


def delivery_note(row: WebhookDelivery, tried: Tried, now: datetime | None = None) -> None:
    """Writes down how a try went and when the next one is due; nothing where the webhook was deleted meanwhile."""
    now = now or timezone.now()
    row.last_status, row.last_error = tried.status, tried.error[:200]
    if tried.arrived:
        row.state, row.next_attempt_at, row.finished_at = DeliveryState.DELIVERED, None, now
    elif row.attempts > len(BACK_OFF):
        row.state, row.next_attempt_at, row.finished_at = DeliveryState.FAILED, None, now
    else:
        row.next_attempt_at = now + BACK_OFF[row.attempts - 1]
    noted = ("last_status", "last_error", "state", "next_attempt_at", "finished_at")
    WebhookDelivery.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in noted})
