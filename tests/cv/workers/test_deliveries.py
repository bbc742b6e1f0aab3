"""A receiver that hangs delays only its own events."""

import threading
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from cv import bells
from cv.choices import WebhookEvent
from cv.models import WebhookDelivery
from cv.outbound.webhooks import Tried
from cv.services.webhooks import delivery_claim, event_emit, webhook_create
from cv.workers import deliveries


def test_a_receiver_that_hangs_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, quick = uuid4(), uuid4()
    due = [SimpleNamespace(pk=number, webhook_id=hanging) for number in range(3)]
    due += [SimpleNamespace(pk=number, webhook_id=quick) for number in range(3, 6)]
    stop, go_on, told = threading.Event(), threading.Event(), list[UUID]()

    def claim(passing: tuple[UUID, ...]) -> Any:
        found = next((delivery for delivery in due if delivery.webhook_id not in passing), None)
        if found is not None:
            due.remove(found)
        return found

    def post(delivery: Any) -> Tried:
        if delivery.webhook_id == hanging:
            go_on.wait(10)
        return Tried(200)

    def note(delivery: Any, outcome: Tried) -> None:
        told.append(delivery.webhook_id)
        if told == [quick] * 3:
            go_on.set()
        if len(told) == 6:
            stop.set()
            bells.DELIVERIES.ring()

    for name, stand_in in (("delivery_claim", claim), ("post_delivery", post), ("delivery_note", note)):
        monkeypatch.setattr(deliveries, name, stand_in)
    monkeypatch.setattr(deliveries, "close_old_connections", lambda: None)
    running = threading.Thread(target=deliveries.run_forever, args=[stop])
    running.start()
    running.join(15)
    assert told == [quick] * 3 + [hanging] * 3


@pytest.mark.django_db
def test_what_goes_to_a_busy_receiver_is_not_claimed() -> None:
    for port in (1, 2):
        webhook_create(f"https://192.0.2.1:{port}/", [WebhookEvent.ANALYSIS_CREATED])
    event_emit(WebhookEvent.ANALYSIS_CREATED, {})
    first = delivery_claim()
    assert first is not None
    assert WebhookDelivery.objects.count() == 2
    second = delivery_claim(passing=[row.webhook_id for row in WebhookDelivery.objects.exclude(pk=first.pk)])
    assert second is None
    assert delivery_claim(passing=[first.webhook_id]) is not None
