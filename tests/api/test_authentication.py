"""Authentication: with a key, or with a browser's session and its CSRF token."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from cv.models import Analysis, ApiKey
from cv.services import api_key_create, api_key_revoke
from cv.trust.caller import Caller
from tests.factories import stored_analysis

URL = "/api/v1/analyses"
ENDPOINTS = [
    ("GET", URL),
    ("POST", URL),
    ("GET", f"{URL}/00000000-0000-4000-8000-000000000000"),
    ("DELETE", f"{URL}/00000000-0000-4000-8000-000000000000"),
    ("GET", f"{URL}/00000000-0000-4000-8000-000000000000/picture"),
    ("GET", "/api/v1/models"),
    ("GET", "/api/v1/models/faces"),
]
CSRF = "c" * 32


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_without_key_or_login_is_401_with_a_challenge(db: None, method: str, path: str) -> None:
    answer = APIClient().generic(method, path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="XCloud"'
    assert answer.json()["error"] == {
        "code": "unauthenticated",
        "message": "Authorization: send an API key as `Bearer KEY`, or log in",
        "details": {},
    }


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer xc_",
        "Bearer xc__",
        "Bearer xc_\xff\xfe_x",
        f"Bearer xc_{'a' * 5000}_b",
    ],
)
def test_wrong_key_is_401(db: None, header: str) -> None:
    answer = APIClient().get(URL, HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="XCloud"'
    assert answer.json()["error"] == {
        "code": "unauthenticated",
        "message": "Authorization: the API key is not valid",
        "details": {},
    }


def test_key_with_a_wrong_secret_is_401(key: tuple[ApiKey, str], client_of: Callable[[str], APIClient]) -> None:
    assert client_of(f"xc_{key[0].prefix}_{'A' * 43}").get(URL).status_code == 401


def test_wrong_key_is_not_rescued_by_a_session(user: User) -> None:
    client = APIClient()
    client.force_login(user)
    assert client.get(URL).status_code == 200
    assert client.get(URL, HTTP_AUTHORIZATION="Bearer wrong").status_code == 401


def test_revoked_key_is_401_from_the_next_request_on(api: APIClient, key: tuple[ApiKey, str]) -> None:
    assert api.get(URL).status_code == 200
    api_key_revoke(key[0])
    assert api.get(URL).status_code == 401


def test_wrong_key_writes_nothing(db: None, empty_scene: bytes) -> None:
    answer = APIClient().post(URL, {"image": "AAAA"}, HTTP_AUTHORIZATION="Bearer wrong")
    assert answer.status_code == 401
    assert Analysis.objects.count() == 0


def test_session_without_csrf_token_may_read_but_not_write(user: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get(URL).status_code == 200
    answer = client.post(URL, {"image": "AAAA"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"
    assert answer.json()["error"]["message"].startswith("CSRF Failed: ")


def test_session_with_csrf_token_may_write(user: User) -> None:
    analysis = stored_analysis(Caller(user=user))
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    client.cookies["csrftoken"] = CSRF
    assert client.delete(f"{URL}/{analysis.pk}", HTTP_X_CSRFTOKEN=CSRF).status_code == 204


def test_person_sees_what_their_keys_did(user: User, client_of: Callable[[str], APIClient], empty_scene: bytes) -> None:
    row, _ = api_key_create("of ada", user)
    analysis = stored_analysis(Caller(user=user, api_key=row))
    client = APIClient()
    client.force_login(user)
    assert [found["id"] for found in client.get(URL).json()["results"]] == [str(analysis.pk)]

    other = APIClient()
    other.force_login(User.objects.create_user("grace"))
    assert other.get(f"{URL}/{analysis.pk}").status_code == 404


def test_pages_send_a_stranger_to_the_login(db: None) -> None:
    answer = Client().get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/")
