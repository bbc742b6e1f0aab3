"""Detections, reanalysis, filters, and the headers that answers carry."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from rest_framework.test import APIClient

from cv.engine.types import Estimate
from cv.models import Analysis, ApiKey, AuditEvent, Face
from cv.serving import engines
from cv.trust.caller import Caller
from tests.factories import analysis_result, close, described, face_result, stored_analysis
from xcloud.middleware import ConditionalMiddleware

URL = "/api/v1/analyses"


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Detections.


def test_detections_are_the_analysis_without_attributes_and_leave_nothing(api: APIClient, two_faces: bytes) -> None:
    detected = api.post("/api/v1/detections", {"image": as_text(two_faces)})
    assert detected.status_code == 200
    assert list(detected.json()) == ["image", "faces", "timing_ms"]
    assert Analysis.objects.count() == 0
    analysed = api.post(URL, {"image": as_text(two_faces)}).json()["faces"]
    for face in analysed:
        del face["attributes"]
    assert detected.json()["faces"] == analysed
    assert len(analysed) == 2


@pytest.mark.parametrize("field", ["attributes", "store"])
def test_detections_take_no_options_about_what_they_do_not_do(api: APIClient, field: str, empty_scene: bytes) -> None:
    answer = api.post("/api/v1/detections", {"image": as_text(empty_scene), field: []})
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, [field])


def test_detections_heed_their_options(api: APIClient, two_faces: bytes) -> None:
    answer = api.post("/api/v1/detections", {"image": as_text(two_faces), "max_faces": 1})
    assert len(answer.json()["faces"]) == 1


# Reanalysis.


@pytest.fixture
def newer_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that finds other faces than the previous one."""
    engine = engines.served_engine()
    found = analysis_result(described(age=Estimate(50.0, (45.0, 55.0), coverage=0.9), beauty=None))
    newer = replace(found, model=replace(found.model, version="2027.1"))
    monkeypatch.setattr(type(engine), "analyze", lambda *_: newer)


@pytest.mark.usefixtures("newer_model")
def test_reanalysis_renews_the_faces_and_keeps_the_rest(api: APIClient, caller: Caller, grace_hopper: bytes) -> None:
    old = stored_analysis(
        caller, face_result(0), face_result(1), data=grace_hopper, image=True, subject="x", ttl_days=3
    )
    before = api.get(f"{URL}/{old.pk}").json()
    answer = api.post(f"{URL}/{old.pk}/reanalyse", {})
    assert answer.status_code == 200
    after = answer.json()
    assert [face["attributes"]["age"]["value"] for face in after["faces"]] == [50.0]
    stated = [analysis["faces"][0]["attributes"]["age"]["coverage"] for analysis in (before, after)]
    assert stated == [0.85, 0.9]
    assert after["model"]["version"] == "2027.1"
    assert answer["X-Model-Version"] == "faces/2027.1"
    for unchanged in ("id", "created_at", "image"):
        assert after[unchanged] == before[unchanged]
    assert api.get(f"{URL}/{old.pk}").json() == after
    row = Analysis.objects.get()
    assert (row.face_count, row.subject, row.expires_at) == (1, "x", old.expires_at)
    assert Face.objects.count() == 1


def test_reanalysis_of_the_same_picture_by_the_same_model_finds_the_same(api: APIClient, grace_hopper: bytes) -> None:
    first = api.post(URL, {"image": as_text(grace_hopper), "store": {"image": True}}).json()
    again = api.post(f"{URL}/{first['id']}/reanalyse").json()
    assert again["faces"] == first["faces"]
    assert again["image"] == first["image"]


def test_reanalysis_without_a_kept_picture_is_400_and_says_why(
    api: APIClient, caller: Caller, grace_hopper: bytes
) -> None:
    without = stored_analysis(caller, face_result())
    lost = stored_analysis(caller, face_result(), data=grace_hopper, image=True)
    Path(lost.picture.path).unlink()
    for row in (without, lost):
        answer = api.post(f"{URL}/{row.pk}/reanalyse", {})
        assert answer.status_code == 400
        message = "picture: this analysis has no kept picture to analyze again; `store.image` keeps it"
        assert answer.json()["error"]["code"] == "invalid_request"
        assert answer.json()["error"]["message"] == message


# Filters.


def test_list_filters_by_model_beauty_quality_and_date(api: APIClient, caller: Caller) -> None:
    plain = described(beauty=Estimate(3.0, (2.0, 4.0), (1, 10)))
    first = stored_analysis(caller, plain)
    second = stored_analysis(caller, face_result())
    Analysis.objects.filter(pk=second.pk).update(model_version="2027.1")

    def found(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"{URL}?{query}").json()["results"]]

    assert found("model_version=2027.1") == [str(second.pk)]
    assert found("max_beauty=4") == [str(first.pk)]
    assert found("min_beauty=4&max_beauty=7") == [str(second.pk)]
    assert found("min_quality=0.9") == []
    moment = second.created_at.isoformat().replace("+", "%2B")
    assert found(f"created_after={moment}") == [str(second.pk)]
    assert found(f"created_before={moment}") == [str(first.pk)]


# Headers.


def test_unchanged_analysis_is_304_and_a_changed_one_is_sent(api: APIClient, caller: Caller) -> None:
    row = stored_analysis(caller, face_result())
    first = api.get(f"{URL}/{row.pk}")
    again = api.get(f"{URL}/{row.pk}", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert AuditEvent.objects.filter(action="analysis.read").count() == 2
    Analysis.objects.filter(pk=row.pk).update(model_version="2027.1")
    changed = api.get(f"{URL}/{row.pk}", HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_head_has_the_headers_of_get_and_no_body(api: APIClient, caller: Caller) -> None:
    row = stored_analysis(caller, face_result())
    got, head = (ask(f"{URL}/{row.pk}") for ask in (api.get, api.head))
    assert (head.status_code, head.content) == (200, b"")
    assert [head[name] for name in ("ETag", "Content-Length")] == [got["ETag"], str(len(got.content))]
    assert api.head(f"{URL}/{row.pk}", HTTP_IF_NONE_MATCH=got["ETag"]).status_code == 304


@pytest.mark.parametrize("response", [HttpResponse(b"body"), StreamingHttpResponse([b"body"])])
def test_the_body_of_a_head_does_not_leave_the_application(response: HttpResponse | StreamingHttpResponse) -> None:
    assert ConditionalMiddleware(lambda request: response)(RequestFactory().head("/")) is response
    assert b"".join(response) == b""


def test_answers_about_faces_are_for_their_caller_alone(api: APIClient, caller: Caller) -> None:
    row = stored_analysis(caller, face_result())
    for path in (URL, f"{URL}/{row.pk}"):
        answer = api.get(path)
        assert answer["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= set(answer["Vary"].split(", "))


def test_a_browser_keeps_no_answer_about_faces(user: User) -> None:
    row = stored_analysis(Caller(user=user), face_result())
    client = APIClient()
    client.force_login(user)
    for path in (URL, f"{URL}/{row.pk}"):
        assert client.get(path)["Cache-Control"] == "private, no-store"


def test_headers_say_which_model_answered_and_how_long_each_stage_took(api: APIClient, grace_hopper: bytes) -> None:
    card = engines.served_engine().card
    for path in (URL, "/api/v1/detections"):
        answer = api.post(path, {"image": as_text(grace_hopper)})
        assert answer["X-Model-Version"] == f"{card.name}/{card.version}"
        shape = r"decode;dur=[\d.]+, detect;dur=[\d.]+, attributes;dur=[\d.]+, total;dur=[\d.]+, app;dur=[\d.]+"
        assert re.fullmatch(shape, answer["Server-Timing"])
    assert re.fullmatch(r"app;dur=[\d.]+", api.get(URL)["Server-Timing"])


def test_person_can_do_all_that_the_page_does_with_their_session(user: User, empty_scene: bytes) -> None:
    client = APIClient()
    client.force_login(user)
    made: Any = client.post(URL, {"image": as_text(empty_scene), "store": {"image": True}}).json()
    assert client.get(f"{URL}/{made['id']}").json() == made
    close(client.get(f"{URL}/{made['id']}/picture"))
    assert client.post(f"{URL}/{made['id']}/reanalyse", {}).status_code == 200
    assert client.delete(f"{URL}/{made['id']}").status_code == 204
    assert set(AuditEvent.objects.values_list("actor", flat=True)) == {f"user:{user.pk}"}
    assert not ApiKey.objects.exists()
