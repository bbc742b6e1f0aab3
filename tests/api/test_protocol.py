"""What HTTP clients of every kind count on: problem details, rate-limit headers, and scripts of other origins."""

import base64
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.services import api_key_create

URL = "/api/v1/analyses"
PROBLEM = "application/problem+json"
APP = "https://app.example.org"


# Problem details (RFC 9457).


def test_a_client_that_asks_for_it_gets_problem_details(api: APIClient) -> None:
    plain = api.post(URL, {"image": "!"})
    asked = api.post(URL, {"image": "!"}, HTTP_ACCEPT=f"application/json, {PROBLEM}")
    assert (plain.status_code, plain["Content-Type"]) == (400, "application/json")
    assert (asked.status_code, asked["Content-Type"]) == (400, PROBLEM)
    error = plain.json()["error"]
    assert asked.json() == {
        "type": "urn:xcloud:error:invalid_request",
        "title": "Invalid request",
        "status": 400,
        "detail": error["message"],
        "code": error["code"],
        "details": error["details"],
        "request_id": asked["X-Request-ID"],
    }
    assert "Accept" in plain["Vary"].split(", ")
    assert "Authorization" in plain["Vary"].split(", ")


def test_errors_outside_of_views_are_problem_details_too(client: Client, api: APIClient) -> None:
    unknown = client.get("/api/v1/no-such-route", HTTP_ACCEPT=PROBLEM)
    assert (unknown.status_code, unknown["Content-Type"], unknown.json()["code"]) == (404, PROBLEM, "not_found")
    host = client.get(URL, HTTP_ACCEPT=PROBLEM, HTTP_HOST="elsewhere")
    assert (host.status_code, host["Content-Type"], host.json()["status"]) == (400, PROBLEM, 400)
    assert client.get(URL, HTTP_HOST="elsewhere").json()["error"]["code"] == "invalid_request"
    assert api.get(URL, HTTP_ACCEPT=PROBLEM)["Content-Type"] == "application/json"


# RateLimit headers.


@pytest.fixture
def midway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the time to 20 seconds past a full minute."""
    monkeypatch.setattr("cv.trust.rates.time.time", lambda: 1_000_000 * 60 + 20.5)


@pytest.mark.usefixtures("midway", "db")
def test_every_answer_to_a_limited_key_says_what_is_left(client_of: Callable[[str], APIClient]) -> None:
    limited = client_of(api_key_create("x", rate_per_minute=2)[1])
    answers = [limited.get(URL), limited.post(URL, {}), limited.get(URL)]
    assert [answer.status_code for answer in answers] == [200, 400, 429]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"minute";q=2;w=60'}
    assert [answer["RateLimit"] for answer in answers] == [f'"minute";r={left};t=40' for left in (1, 0, 0)]


def test_an_unlimited_key_gets_no_rate_limit(api: APIClient) -> None:
    answer = api.get(URL)
    assert "RateLimit" not in answer
    assert "RateLimit-Policy" not in answer


# CORS.


def preflight(client: Client, path: str = URL, origin: str = APP) -> dict[str, str]:
    answer = client.options(
        path,
        HTTP_ORIGIN=origin,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization, idempotency-key",
    )
    return {name: value for name, value in answer.items() if name.startswith("access-control-")}


def test_no_other_origin_is_let_in_by_default(client: Client, api: APIClient) -> None:
    assert preflight(client) == {}
    assert "Access-Control-Allow-Origin" not in api.get(URL, HTTP_ORIGIN=APP)


def test_scripts_of_the_origins_named_may_call_the_api_with_a_key_but_no_cookie(
    client: Client, api: APIClient, settings: Settings
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]
    allowed = preflight(client)
    assert allowed["access-control-allow-origin"] == APP
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        allowed["access-control-allow-headers"].split(", ")
    )
    assert "access-control-allow-credentials" not in allowed
    assert preflight(client, origin="https://evil.example.org") == {}
    assert preflight(client, path="/login/") == {}
    answer = api.get(URL, HTTP_ORIGIN=APP)
    assert answer["Access-Control-Allow-Origin"] == APP
    assert {"RateLimit", "Retry-After", "X-Request-ID"} <= set(answer["Access-Control-Expose-Headers"].split(", "))
    # A script can read why it was refused, too.
    assert client.get(URL, HTTP_ORIGIN=APP)["Access-Control-Allow-Origin"] == APP


def test_any_origin_can_be_let_in(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS = True
    assert preflight(client)["access-control-allow-origin"] == "*"


def test_the_schema_describes_problems_as_they_are_answered(client: Client, api: APIClient) -> None:
    schema = client.get("/api/schema?format=json").json()
    answers = schema["paths"]["/api/v1/analyses"]["post"]["responses"]
    described = answers["415"]["content"][PROBLEM]
    assert described["schema"] == {"$ref": "#/components/schemas/Problem"}
    sent = api.post("/api/v1/analyses", {"image": base64.b64encode(b"no image").decode()}, headers={"Accept": PROBLEM})
    assert sent.status_code == 415
    assert sorted(sent.json()) == sorted(schema["components"]["schemas"]["Problem"]["required"])
    assert sorted(next(iter(described["examples"].values()))["value"]) == sorted(sent.json())
    # An answer that is no error has one form.
    assert PROBLEM not in answers["201"]["content"]
