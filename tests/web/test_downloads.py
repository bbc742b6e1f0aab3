"""The page's CSV: of the visitor's own analyses, in the requested order, and recorded in the audit log."""

import csv
import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from cv.choices import AuditAction
from cv.models import AuditEvent
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis


@pytest.fixture
def visitor(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def post(client: Client, body: Any) -> HttpResponse:
    return client.post("/analyses.csv", json.dumps(body), content_type="application/json")  # type: ignore[return-value]


def test_chosen_photos_come_in_their_order_under_their_names(visitor: Client, user: User) -> None:
    first, second = (stored_analysis(Caller(user=user), face_result()) for _ in range(2))
    response = post(visitor, [[str(second.pk), "two.jpg"], [str(first.pk), "=one.jpg"]])
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [(row["index"], row["name"], row["analysis"], row["face"]) for row in rows] == [
        ("0", "two.jpg", str(second.pk), "0"),
        ("1", "'=one.jpg", str(first.pk), "0"),
    ]
    event = AuditEvent.objects.get(action=AuditAction.ANALYSIS_READ)
    assert event.count == 2


def test_anothers_analysis_is_not_there(visitor: Client, user: User, caller: Caller) -> None:
    own, other = stored_analysis(Caller(user=user)), stored_analysis(caller)
    for pk in (other.pk, uuid4()):
        assert post(visitor, [[str(own.pk), ""], [str(pk), ""]]).status_code == 404


@pytest.mark.parametrize("body", [{}, "x", [1], [["a"]], [["not an id", ""]], [[str(uuid4()), 1]]])
def test_a_body_that_names_no_analyses_is_refused(visitor: Client, body: Any) -> None:
    assert post(visitor, body).status_code == 400


@pytest.mark.parametrize("body", ["", "[", "[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_is_refused(visitor: Client, body: str | bytes) -> None:
    assert visitor.post("/analyses.csv", body, content_type="application/json").status_code == 400


def test_a_thousand_photos_with_long_names_can_be_named_and_no_more(visitor: Client) -> None:
    photos = [[str(uuid4()), "n" * 255]] * 1000
    assert post(visitor, photos).status_code == 404
    assert post(visitor, [*photos, photos[0]]).status_code == 400


def test_a_visitor_without_a_session_is_sent_to_the_login(client: Client, db: None) -> None:
    assert post(client, []).status_code == 302
    assert client.get("/analyses.csv").status_code == 405
