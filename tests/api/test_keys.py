"""Keys over HTTP: shown once, and limited by scopes, attributes, rate, expiry and revocation."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.engine.labels import Attribute
from cv.models import Analysis, ApiKey, AuditEvent, Face
from cv.selectors import api_key_usable
from cv.services import api_key_create, api_key_update
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis

URL = "/api/v1/api-keys"
ANALYSES = "/api/v1/analyses"


@pytest.fixture
def admin(db: None, client_of: Callable[[str], APIClient]) -> APIClient:
    return client_of(api_key_create("admin", scopes=[Scope.ADMIN])[1])


def test_new_key_works_and_is_shown_once(admin: APIClient, client_of: Callable[[str], APIClient]) -> None:
    answer = admin.post(URL, {"name": "camera", "scopes": ["read", "analyse", "read"], "rate_per_minute": 60})
    assert answer.status_code == 201
    body = answer.json()
    key = body.pop("key")
    assert key.startswith(f"xc_{body['prefix']}_")
    assert body["scopes"] == ["analyse", "read"]
    assert (body["attributes"], body["rate_per_minute"], body["user"], body["expires_at"]) == (None, 60, None, None)
    assert client_of(key).get(ANALYSES).status_code == 200
    assert "key" not in admin.get(f"{URL}/{body['id']}").json()
    assert key not in admin.get(URL).content.decode()
    row = ApiKey.objects.get(pk=body["id"])
    assert key not in str(ApiKey.objects.filter(pk=row.pk).values().get())
    assert AuditEvent.objects.get(action="key.create").objects_named == [str(row.pk)]


def test_key_without_scopes_may_all_but_manage(admin: APIClient) -> None:
    assert admin.post(URL, {"name": "x"}).json()["scopes"] == ["analyse", "read", "erase"]


def test_key_can_belong_to_a_user(admin: APIClient, user: User) -> None:
    assert admin.post(URL, {"name": "x", "user": "ada"}).json()["user"] == "ada"
    answer = admin.post(URL, {"name": "x", "user": "nobody"})
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, ["user"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"attributes": ["iq"]}, "attributes"),
        ({"rate_per_minute": 0}, "rate_per_minute"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": ""}, "name"),
        ({"sha256": "00"}, "sha256"),
        ({"revoked_at": None}, "revoked_at"),
    ],
)
def test_bad_field_is_named_and_changes_nothing(admin: APIClient, change: dict[str, Any], field: str) -> None:
    row, _ = api_key_create("x")
    before = ApiKey.objects.filter(pk=row.pk).values().get()
    for answer in (admin.post(URL, {"name": "y", **change}), admin.patch(f"{URL}/{row.pk}", change)):
        assert answer.status_code == 400
        assert list(answer.json()["error"]["details"]) == [field]
    assert ApiKey.objects.filter(pk=row.pk).values().get() == before
    assert not ApiKey.objects.filter(name="y").exists()


def test_changes_hold_from_the_next_request_on(admin: APIClient, client_of: Callable[[str], APIClient]) -> None:
    row, text = api_key_create("x")
    assert client_of(text).get(ANALYSES).status_code == 200
    assert admin.patch(f"{URL}/{row.pk}", {"scopes": ["analyse"]}).json()["scopes"] == ["analyse"]
    assert client_of(text).get(ANALYSES).status_code == 403


def test_revoked_key_stops_at_once_and_stays_on_record(admin: APIClient, client_of: Callable[[str], APIClient]) -> None:
    row, text = api_key_create("x")
    assert admin.delete(f"{URL}/{row.pk}").status_code == 204
    assert client_of(text).get(ANALYSES).status_code == 401
    assert admin.get(f"{URL}/{row.pk}").json()["revoked_at"] is not None


def test_expired_key_is_401(admin: APIClient, client_of: Callable[[str], APIClient]) -> None:
    expires = (timezone.now() + timedelta(hours=1)).isoformat()
    body = admin.post(URL, {"name": "x", "expires_at": expires}).json()
    assert client_of(body["key"]).get(ANALYSES).status_code == 200
    ApiKey.objects.filter(pk=body["id"]).update(expires_at=timezone.now())
    assert api_key_usable(body["key"]) is None
    assert client_of(body["key"]).get(ANALYSES).status_code == 401


# The attributes that a key may read.


@pytest.fixture
def narrow(db: None) -> tuple[ApiKey, str]:
    """A key for age and gender alone."""
    return api_key_create("narrow", attributes=[Attribute.AGE, Attribute.GENDER])


def test_attributes_that_a_key_may_not_have_are_neither_answered_nor_stored(
    narrow: tuple[ApiKey, str], client_of: Callable[[str], APIClient], grace_hopper: bytes
) -> None:
    image = base64.b64encode(grace_hopper).decode()
    answer = client_of(narrow[1]).post(ANALYSES, {"image": image})
    assert answer.status_code == 201
    assert list(answer.json()["faces"][0]["attributes"]) == ["age", "gender"]
    face = Face.objects.get()
    assert (face.race, face.expression, face.beauty) == ("", "", None)
    assert set(face.probabilities) == {"gender"}
    assert Analysis.objects.get().asked_attributes == ["age", "gender"]


def test_asking_for_a_forbidden_attribute_is_403_and_names_it(
    narrow: tuple[ApiKey, str], client_of: Callable[[str], APIClient]
) -> None:
    client = client_of(narrow[1])
    answer = client.post(ANALYSES, {"image": "AAAA", "attributes": ["age", "race", "beauty"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert answer.json()["error"]["message"] == "attributes: not available to this key or on this server: beauty, race"
    # A filter reveals as much as the value itself.
    for query in ("race=black", "min_beauty=5", "expression=happiness"):
        assert client.get(f"{ANALYSES}?{query}").status_code == 403, query
    assert client.get(f"{ANALYSES}?gender=male&min_age=20").status_code == 200


def test_what_was_stored_before_a_key_lost_an_attribute_is_shown_no_more(
    key: tuple[ApiKey, str], api: APIClient
) -> None:
    analysis = stored_analysis(Caller(api_key=key[0]), face_result())
    assert "race" in api.get(f"{ANALYSES}/{analysis.pk}").json()["faces"][0]["attributes"]
    api_key_update(key[0], attributes=[Attribute.AGE])
    assert list(api.get(f"{ANALYSES}/{analysis.pk}").json()["faces"][0]["attributes"]) == ["age"]
    assert list(api.get(ANALYSES).json()["results"][0]["faces"][0]["attributes"]) == ["age"]


def test_operator_can_switch_an_attribute_off_for_everyone(
    api: APIClient, user: User, settings: Settings, grace_hopper: bytes
) -> None:
    settings.XCLOUD_ATTRIBUTES = frozenset({Attribute.AGE})
    person = APIClient()
    person.force_login(user)
    for client in (api, person):
        answer = client.post(ANALYSES, {"image": base64.b64encode(grace_hopper).decode()})
        assert list(answer.json()["faces"][0]["attributes"]) == ["age"]
    assert set(Face.objects.values_list("race", flat=True)) == {""}


# Requests per minute.


@pytest.fixture
def midway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the time to 20 seconds past a full minute."""
    monkeypatch.setattr("cv.trust.rates.time.time", lambda: 1_000_000 * 60 + 20.5)


@pytest.mark.usefixtures("midway")
def test_key_over_its_rate_is_429_and_told_when_to_come_back(client_of: Callable[[str], APIClient], db: None) -> None:
    limited = client_of(api_key_create("x", rate_per_minute=2)[1])
    other = client_of(api_key_create("y", rate_per_minute=2)[1])
    assert [limited.get(ANALYSES).status_code for _ in range(4)] == [200, 200, 429, 429]
    answer = limited.post(ANALYSES, {"image": "AAAA"})
    assert answer.json()["error"]["code"] == "rate_limited"
    assert answer["Retry-After"] == "40"
    assert other.get(ANALYSES).status_code == 200


def test_next_minute_counts_anew(
    client_of: Callable[[str], APIClient], db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = client_of(api_key_create("x", rate_per_minute=1)[1])
    for minute in (1_000_000, 1_000_001):
        monkeypatch.setattr("cv.trust.rates.time.time", lambda minute=minute: minute * 60 + 1)
        assert [limited.get(ANALYSES).status_code for _ in range(2)] == [200, 429]


@pytest.mark.usefixtures("midway")
def test_servers_rate_holds_for_keys_without_one_and_for_people(api: APIClient, user: User, settings: Settings) -> None:
    settings.XCLOUD_RATE_PER_MINUTE = 1
    person = APIClient()
    person.force_login(user)
    for client in (api, person):
        assert [client.get(ANALYSES).status_code for _ in range(2)] == [200, 429]
