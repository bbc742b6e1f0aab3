"""Keys and webhooks made in the admin: by superusers, with the secret shown once, and tried there."""

import html
import json
import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from cv.choices import AuditAction, WebhookEvent
from cv.models import ApiKey, AuditEvent, Webhook, WebhookDelivery
from cv.selectors import api_key_usable
from cv.services import webhook_create
from tests.site import Site

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def test_a_key_is_made_and_its_text_shown_once(root: Client) -> None:
    form = {"name": "door camera", "scopes": ["analyse"], "attributes": ["age"], "ttl_days": "30"}
    answer = root.post("/admin/cv/apikey/add/", form)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    (text,) = set(re.findall(r"xc_[0-9a-f]{12}_[\w-]{43}", answer.content.decode()))
    key = api_key_usable(text)
    assert key is not None
    assert (key.name, key.scopes, key.attributes, key.rate_per_minute) == ("door camera", ["analyse"], ["age"], None)
    assert AuditEvent.objects.get(action=AuditAction.KEY_CREATE).objects_named == [str(key.pk)]
    for path in ("/admin/cv/apikey/", f"/admin/cv/apikey/{key.pk}/change/"):
        assert text not in root.get(path).content.decode()


@pytest.mark.parametrize("form", [{"name": ""}, {"name": "a", "scopes": ["fly"]}, {"name": "a", "ttl_days": "0"}])
def test_a_wrong_form_makes_nothing(root: Client, form: dict[str, object]) -> None:
    assert root.post("/admin/cv/apikey/add/", {"scopes": ["read"]} | form).status_code == 200
    assert (
        root.post("/admin/cv/webhook/add/", {"url": "http://127.0.0.1/", "events": ["job.finished"]}).status_code == 200
    )
    assert (ApiKey.objects.count(), Webhook.objects.count()) == (0, 0)


def test_operators_make_neither(client: Client) -> None:
    person = User.objects.create_user("operator", is_staff=True)
    person.groups.add(Group.objects.get(name="operator"))
    client.force_login(person)
    for model in ("apikey", "webhook"):
        assert client.get(f"/admin/cv/{model}/add/").status_code == 403
        assert client.post(f"/admin/cv/{model}/add/", {"name": "a", "scopes": ["read"]}).status_code == 403
    assert ApiKey.objects.count() == 0


def test_a_webhook_is_made_and_tried(root: Client, site: Site) -> None:
    answer = root.post("/admin/cv/webhook/add/", {"url": f"{site.address}/hook", "events": ["job.finished"]})
    assert "whsec_" in answer.content.decode()
    webhook = Webhook.objects.get()
    site.answers = [200, 500]
    said = []
    for _ in range(2):
        page = root.post("/admin/cv/webhook/", {"action": "send_test", "_selected_action": [webhook.pk]}, follow=True)
        said.append(html.unescape(page.content.decode()))
    assert f"{site.address}/hook answered 200" in said[0]
    assert f"{site.address}/hook: the receiver answered 500" in said[1]
    headers, body = site.posts[0]
    assert json.loads(body)["event"] == "test"
    assert headers["X-XCloud-Signature"].startswith("t=")
    assert WebhookDelivery.objects.count() == 0


def test_a_webhook_is_turned_off(root: Client) -> None:
    webhook, _ = webhook_create("https://example.org/", [WebhookEvent.JOB_FINISHED])
    root.post("/admin/cv/webhook/", {"action": "turn_off", "_selected_action": [webhook.pk]})
    assert not Webhook.objects.get().active
    assert AuditEvent.objects.get(action=AuditAction.WEBHOOK_CHANGE).objects_named == [str(webhook.pk)]
