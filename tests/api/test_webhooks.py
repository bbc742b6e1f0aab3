"""Webhooks: saved in the transaction of their event, signed, retried, never sent to private addresses."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError

from cv.choices import DeliveryState, Scope, WebhookEvent
from cv.models import Analysis, Webhook, WebhookDelivery
from cv.outbound.webhooks import signature, standard_signature
from cv.services import analysis_delete, api_key_create, delivery_claim, delivery_note, webhook_create
from cv.services.webhooks import BACK_OFF, SECRET_PURPOSE, Tried
from cv.trust.caller import Caller
from cv.trust.sealing import seal
from cv.workers.deliveries import deliver_due
from tests.factories import face_result, stored_analysis
from tests.site import Site

URL = "/api/v1/webhooks"


@pytest.fixture
def admin(db: None, client_of: Callable[[str], APIClient]) -> APIClient:
    return client_of(api_key_create("admin", scopes=[Scope.ADMIN])[1])


@pytest.fixture
def hook(admin: APIClient, site: Site) -> Any:
    """A webhook for new and deleted analyses at the site."""
    body = {"url": f"{site.address}/hook", "events": ["analysis.created", "analysis.deleted"]}
    answer = admin.post(URL, body)
    assert answer.status_code == 201
    return answer.json()


def make_due() -> None:
    WebhookDelivery.objects.filter(state=DeliveryState.PENDING).update(next_attempt_at=timezone.now())


def test_event_is_posted_once_with_a_signature_and_nothing_about_a_face(hook: Any, site: Site, caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result(), subject="Jane Doe")
    assert deliver_due() == 1
    assert deliver_due() == 0
    ((headers, body),) = site.posts
    posted = json.loads(body)
    delivery = WebhookDelivery.objects.get()
    assert posted.pop("created_at")
    assert posted == {
        "id": str(delivery.pk),
        "event": "analysis.created",
        "data": {"analysis": str(analysis.pk), "faces": 1},
    }
    assert (headers["X-XCloud-Event"], headers["X-XCloud-Delivery"]) == ("analysis.created", str(delivery.pk))
    # Verified as a receiver does it, from the documentation alone.
    moment, digest = (part.partition("=")[2] for part in headers["X-XCloud-Signature"].split(","))
    expected = hmac.new(hook["secret"].encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, expected)
    assert abs(int(moment) - timezone.now().timestamp()) < 60
    assert StandardWebhook(hook["secret"]).verify(body.decode(), headers)["id"] == str(delivery.pk)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(hook["secret"]).verify(body.decode() + " ", headers)
    assert (delivery.state, delivery.last_status, delivery.attempts) == ("delivered", 200, 1)


def test_signature_is_hmac_sha256_over_moment_and_body() -> None:
    digest = hmac.new(b"whsec_x", b"1700000000.{}", "sha256").hexdigest()
    assert signature("whsec_x", 1700000000, b"{}") == f"t=1700000000,v1={digest}"


def test_a_secret_from_before_standard_webhooks_signs_by_its_bytes() -> None:
    key = bytes(range(224, 256))
    old = f"whsec_{base64.urlsafe_b64encode(key).decode().rstrip('=')}"
    new = f"whsec_{base64.b64encode(key).decode()}"
    now = int(timezone.now().timestamp())
    assert ("-" in old, "_" in old.removeprefix("whsec_")) == (True, True)
    signed = standard_signature(old, "1", now, b"{}")
    headers = {"webhook-id": "1", "webhook-timestamp": str(now), "webhook-signature": signed}
    assert StandardWebhook(new).verify("{}", headers) == {}


def test_only_the_events_asked_for_are_delivered(hook: Any, site: Site, caller: Caller, admin: APIClient) -> None:
    analysis_delete(stored_analysis(caller), caller)
    assert set(WebhookDelivery.objects.values_list("event", flat=True)) == {"analysis.created", "analysis.deleted"}
    admin.patch(f"{URL}/{hook['id']}", {"active": False})
    stored_analysis(caller)
    assert WebhookDelivery.objects.count() == 2


def test_failed_analysis_leaves_no_delivery(hook: Any, api: APIClient) -> None:
    assert api.post("/api/v1/analyses", {"image": "AAAA"}).status_code == 415
    assert WebhookDelivery.objects.count() == 0


def test_failed_delivery_is_tried_again_later_and_later_and_given_up_at_last(
    hook: Any, site: Site, caller: Caller, admin: APIClient
) -> None:
    site.answers = [503, 302] + [500] * 20
    stored_analysis(caller)
    waits = []
    while WebhookDelivery.objects.get().state == DeliveryState.PENDING:
        make_due()
        before = timezone.now()
        assert deliver_due() == 1
        row = WebhookDelivery.objects.get()
        if row.next_attempt_at is not None:
            waits.append(round((row.next_attempt_at - before).total_seconds()))
    assert waits == [step.total_seconds() for step in BACK_OFF]
    assert len(site.posts) == len(BACK_OFF) + 1
    # A redirect counts as a failure: it is not followed, which would be a GET.
    assert site.seen == []
    # Every try posts the same bytes.
    assert len({body for _, body in site.posts}) == 1
    (shown,) = admin.get(f"{URL}/{hook['id']}/deliveries").json()["results"]
    assert (shown["state"], shown["attempts"], shown["last_status"]) == ("failed", len(BACK_OFF) + 1, 500)
    assert shown["last_error"] == "the receiver answered 500"


def test_a_delivery_that_succeeds_on_the_second_try_is_over(hook: Any, site: Site, caller: Caller) -> None:
    site.answers = [500]
    stored_analysis(caller)
    deliver_due()
    make_due()
    deliver_due()
    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, row.last_status, row.last_error) == ("delivered", 2, 200, "")


def test_delivery_of_a_killed_worker_is_taken_over_when_its_lease_is_over(
    hook: Any, site: Site, caller: Caller
) -> None:
    stored_analysis(caller)
    claimed = delivery_claim()
    assert claimed is not None
    assert deliver_due() == 0
    later = timezone.now() + timedelta(seconds=61)
    again = delivery_claim(later)
    assert again is not None
    assert (again.pk, again.attempts) == (claimed.pk, 2)
    delivery_note(again, Tried(200), later)
    assert WebhookDelivery.objects.get().state == "delivered"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="in memory, nobody waits for the lock of a table")
@pytest.mark.django_db(transaction=True)
def test_of_workers_that_look_at_once_one_sends(hook: Any, site: Site, caller: Caller) -> None:
    stored_analysis(caller)
    together = threading.Barrier(3)

    def work() -> None:
        together.wait()
        try:
            deliver_due()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site.posts) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://169.254.169.254/", "http://localhost/", "ftp://x.org/"])
def test_private_address_is_refused_when_it_is_given(admin: APIClient, url: str) -> None:
    answer = admin.post(URL, {"url": url, "events": ["analysis.created"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "url_forbidden")
    assert Webhook.objects.count() == 0


def test_address_that_became_private_is_not_posted_to(
    hook: Any, site: Site, caller: Caller, settings: Settings
) -> None:
    """As after DNS rebinding: each delivery checks the address again."""
    settings.XCLOUD_PRIVATE_NETWORKS = []
    stored_analysis(caller)
    deliver_due()
    row = WebhookDelivery.objects.get()
    assert (row.state, row.last_status) == ("pending", None)
    assert row.last_error == "the host is not on the public internet"
    assert site.posts == []


def test_secret_is_shown_once_and_sealed_in_the_database(hook: Any, admin: APIClient) -> None:
    assert hook["secret"].startswith("whsec_")
    assert "secret" not in admin.get(f"{URL}/{hook['id']}").json()
    assert hook["secret"] not in admin.get(URL).content.decode()
    assert hook["secret"] not in str(Webhook.objects.values().get())


def test_secret_sealed_with_another_key_fails_the_delivery_and_says_so(
    site: Site, caller: Caller, settings: Settings
) -> None:
    row, _ = webhook_create(f"{site.address}/hook", [WebhookEvent.ANALYSIS_CREATED])
    settings.SECRET_KEY = "another"
    sealed = seal(SECRET_PURPOSE, "whsec_x")
    settings.SECRET_KEY = "yet another"
    Webhook.objects.filter(pk=row.pk).update(secret_sealed=sealed)
    stored_analysis(caller)
    deliver_due()
    assert "SECRET_KEY was changed" in WebhookDelivery.objects.get().last_error


def test_erasing_and_analysing_anew_are_told_too(
    admin: APIClient, api: APIClient, site: Site, empty_scene: bytes
) -> None:
    admin.post(URL, {"url": f"{site.address}/hook", "events": ["analysis.updated", "subject.erased"]})
    body = {"image": base64.b64encode(empty_scene).decode(), "store": {"image": True, "subject": "Jane"}}
    analysis = api.post("/api/v1/analyses", body).json()["id"]
    assert api.post(f"/api/v1/analyses/{analysis}/reanalyse", {}).status_code == 200
    receipt = api.post("/api/v1/subjects/Jane/erase", {}).json()["receipt"]["id"]
    deliver_due()
    told = {json.loads(body)["event"]: json.loads(body)["data"] for _, body in site.posts}
    assert told == {
        "analysis.updated": {"analysis": analysis, "faces": 0},
        "subject.erased": {"receipt": receipt, "analyses": 1},
    }
    assert Analysis.objects.count() == 0


@pytest.mark.parametrize("receiver", [200, 500])
def test_a_webhook_that_is_deleted_while_it_is_told_is_no_failure(
    hook: Any, site: Site, caller: Caller, monkeypatch: pytest.MonkeyPatch, receiver: int
) -> None:
    for _ in range(2):
        stored_analysis(caller)

    def deleted_meanwhile(delivery: WebhookDelivery) -> Tried:
        Webhook.objects.all().delete()
        return Tried(receiver)

    monkeypatch.setattr("cv.workers.deliveries.post_delivery", deleted_meanwhile)
    assert deliver_due() == 1
    assert WebhookDelivery.objects.count() == 0


def test_a_webhook_that_is_deleted_while_it_is_changed_is_404(
    hook: Any, admin: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found_and_deleted(webhook_id: object) -> Webhook:
        row = Webhook.objects.get(pk=hook["id"])
        Webhook.objects.filter(pk=row.pk).delete()
        return row

    monkeypatch.setattr("api.views.webhooks.found", found_and_deleted)
    answer = admin.patch(f"{URL}/{hook['id']}", {"active": False})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_webhook_is_changed_and_deleted_with_its_log(hook: Any, admin: APIClient, caller: Caller) -> None:
    stored_analysis(caller)
    changed = admin.patch(f"{URL}/{hook['id']}", {"events": ["subject.erased"], "url": "https://example.org/x"}).json()
    assert (changed["events"], changed["url"]) == (["subject.erased"], "https://example.org/x")
    assert admin.delete(f"{URL}/{hook['id']}").status_code == 204
    assert admin.get(f"{URL}/{hook['id']}").status_code == 404
    assert WebhookDelivery.objects.count() == 0
