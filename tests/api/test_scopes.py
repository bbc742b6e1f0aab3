"""Every route with no key, a wrong key, a key without the scope, and another owner's row."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import get_resolver
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope, WebhookEvent
from cv.jobs.inputs import UrlInputs
from cv.jobs.videos import VideoInputs
from cv.models import Analysis, FaceChip
from cv.services import api_key_create, webhook_create
from cv.trust.caller import Caller
from cv.trust.chips import seal_chip
from tests.factories import close, face_result, stored_analysis
from tests.jobs import made_job
from tests.vectors import axis, enrolled, made_collection

NOBODY = "00000000-0000-4000-8000-000000000000"
# Method, address and the scope it needs; None is any known caller. {analysis}, {job}, {video}, {key}, {webhook} exist.
ROUTES: list[tuple[str, str, Scope | None]] = [
    ("GET", "/api/v1/analyses", Scope.READ),
    ("POST", "/api/v1/analyses", Scope.ANALYSE),
    ("GET", "/api/v1/analyses/{analysis}", Scope.READ),
    ("HEAD", "/api/v1/analyses/{analysis}", Scope.READ),
    ("DELETE", "/api/v1/analyses/{analysis}", Scope.ERASE),
    ("GET", "/api/v1/analyses/{analysis}/picture", Scope.READ),
    ("POST", "/api/v1/analyses/{analysis}/reanalyse", Scope.ANALYSE),
    ("GET", "/api/v1/analyses/{analysis}/labels", Scope.READ),
    ("PUT", "/api/v1/analyses/{analysis}/faces/0/labels", Scope.ANALYSE),
    ("GET", "/api/v1/analyses/{analysis}/faces/0/chip", Scope.READ),
    ("GET", "/api/v1/labels/report", Scope.READ),
    ("GET", "/api/v1/labels/table", Scope.READ),
    ("POST", "/api/v1/detections", Scope.ANALYSE),
    ("POST", "/api/v1/redactions", Scope.ANALYSE),
    ("POST", "/api/v1/portraits", Scope.ANALYSE),
    ("POST", "/api/v1/previews", Scope.ANALYSE),
    ("GET", "/api/v1/identity", None),
    ("POST", "/api/v1/comparisons", Scope.IDENTIFY),
    ("POST", "/api/v1/embeddings", Scope.IDENTIFY),
    ("GET", "/api/v1/collections", Scope.IDENTIFY),
    ("POST", "/api/v1/collections", Scope.IDENTIFY),
    ("GET", "/api/v1/collections/{collection}", Scope.IDENTIFY),
    ("PATCH", "/api/v1/collections/{collection}", Scope.IDENTIFY),
    ("DELETE", "/api/v1/collections/{collection}", Scope.IDENTIFY),
    ("GET", "/api/v1/collections/{collection}/faces", Scope.IDENTIFY),
    ("POST", "/api/v1/collections/{collection}/faces", Scope.IDENTIFY),
    ("DELETE", "/api/v1/collections/{collection}/faces/{face}", Scope.IDENTIFY),
    ("POST", "/api/v1/collections/{collection}/vectors", Scope.IDENTIFY),
    ("GET", "/api/v1/collections/{collection}/subjects", Scope.IDENTIFY),
    ("DELETE", "/api/v1/collections/{collection}/subjects/ada", Scope.IDENTIFY),
    ("POST", "/api/v1/collections/{collection}/search", Scope.IDENTIFY),
    ("POST", "/api/v1/collections/{collection}/groups", Scope.IDENTIFY),
    ("POST", "/api/v1/collections/{collection}/verify", Scope.IDENTIFY),
    ("GET", "/api/v1/collections/{collection}/unknown", Scope.IDENTIFY),
    ("POST", "/api/v1/collections/{collection}/unknown", Scope.IDENTIFY),
    *(
        ("POST", f"/api/v1/collections/{{collection}}/unknown/{NOBODY}/{step}", Scope.IDENTIFY)
        for step in ("name", "merge", "split", "reject")
    ),
    ("GET", "/api/v1/jobs", Scope.READ),
    ("POST", "/api/v1/jobs", Scope.ANALYSE),
    ("GET", "/api/v1/jobs/{job}", Scope.READ),
    ("DELETE", "/api/v1/jobs/{job}", Scope.ERASE),
    ("GET", "/api/v1/jobs/{job}/items", Scope.READ),
    ("GET", "/api/v1/jobs/{job}/results", Scope.READ),
    ("POST", "/api/v1/jobs/{job}/cancel", Scope.ANALYSE),
    ("POST", "/api/v1/jobs/{job}/pause", Scope.ANALYSE),
    ("POST", "/api/v1/jobs/{job}/resume", Scope.ANALYSE),
    ("POST", "/api/v1/jobs/{job}/retry", Scope.ANALYSE),
    ("POST", "/api/v1/videos", Scope.ANALYSE),
    ("GET", "/api/v1/videos/{video}", Scope.READ),
    ("GET", "/api/v1/videos/{video}/frames/0", Scope.READ),
    ("GET", "/api/v1/videos/{video}/people/0/stills/sharpest", Scope.READ),
    ("GET", "/api/v1/models", None),
    ("GET", "/api/v1/models/faces", None),
    ("GET", "/api/v1/models/xcloud-attributes/files/xcloud-attributes-reliability.png", None),
    ("GET", "/api/v1/subjects/visitor/export", Scope.READ),
    ("POST", "/api/v1/subjects/visitor/erase", Scope.ERASE),
    ("POST", "/api/v1/subjects/export", Scope.READ),
    ("POST", "/api/v1/subjects/erase", Scope.ERASE),
    ("GET", "/api/v1/api-keys", Scope.ADMIN),
    ("POST", "/api/v1/api-keys", Scope.ADMIN),
    ("GET", "/api/v1/api-keys/{key}", Scope.ADMIN),
    ("PATCH", "/api/v1/api-keys/{key}", Scope.ADMIN),
    ("DELETE", "/api/v1/api-keys/{key}", Scope.ADMIN),
    ("GET", "/api/v1/webhooks", Scope.ADMIN),
    ("POST", "/api/v1/webhooks", Scope.ADMIN),
    ("GET", "/api/v1/webhooks/{webhook}", Scope.ADMIN),
    ("PATCH", "/api/v1/webhooks/{webhook}", Scope.ADMIN),
    ("DELETE", "/api/v1/webhooks/{webhook}", Scope.ADMIN),
    ("GET", "/api/v1/webhooks/{webhook}/deliveries", Scope.ADMIN),
    ("GET", "/api/v1/audit", Scope.ADMIN),
]
OPEN = {"receipt-keys"}
SCOPED = [route for route in ROUTES if route[2] is not None]
OWNED = [
    route
    for route in ROUTES
    if any(part in route[1] for part in ("{analysis}", "{job}", "{video}", "{collection}", "/subjects/"))
]
every_route = pytest.mark.parametrize(("method", "path", "scope"), ROUTES)


@pytest.fixture(autouse=True)
def identity_on(settings: Settings) -> None:
    """Without it, the routes of identity answer the same to every scope."""
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)


@pytest.fixture
def fill(caller: Caller) -> Callable[[str], str]:
    """Puts rows into an address: an analysis of the subject "visitor", a key, a webhook, a collection with a face."""
    analysis = stored_analysis(caller, face_result(), subject="visitor")
    face = analysis.faces.get()
    FaceChip.objects.create(face=face, jpeg=seal_chip(b"a JPEG", face.pk))
    webhook, _ = webhook_create("https://example.org/", [WebhookEvent.ANALYSIS_CREATED])
    key, _ = api_key_create("of somebody")
    job = made_job(caller, UrlInputs(["https://example.org/"]))
    video = made_job(caller, VideoInputs(io.BytesIO(b"GIF89a")))
    collection = made_collection(caller)
    (face,) = enrolled(collection, caller, "ada", axis(0))
    rows = {"analysis": analysis.pk, "key": key.pk, "webhook": webhook.pk, "job": job.pk, "video": video.pk}

    def filled(path: str) -> str:
        return path.format(**rows, collection=collection.pk, face=face.uuid)

    return filled


def code_of(answer: Any) -> Any:
    return answer.json()["error"]["code"] if answer.content else ""


def test_the_table_names_every_route_below_api_v1() -> None:
    (routes,) = [found for found in get_resolver().url_patterns if str(found.pattern) == "api/v1/"]
    names = {found.name for found in routes.url_patterns}  # type: ignore[attr-defined]
    resolver = get_resolver()
    example = {"key": 1} | dict.fromkeys(("analysis", "webhook", "job", "video", "collection", "face"), NOBODY)
    named = {resolver.resolve(path.format(**example)).url_name for _, path, _ in ROUTES}
    assert named == names - OPEN


@every_route
def test_without_a_key_it_is_401(
    db: None, method: str, path: str, scope: Scope | None, fill: Callable[[str], str]
) -> None:
    answer = APIClient().generic(method, fill(path))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="XCloud"'


@every_route
def test_with_a_wrong_key_it_is_401(
    method: str, path: str, scope: Scope | None, fill: Callable[[str], str], client_of: Callable[[str], APIClient]
) -> None:
    answer = client_of("xc_000000000000_wrong").generic(method, fill(path))
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path", "scope"), SCOPED)
def test_with_every_scope_but_the_right_one_it_is_403(
    method: str, path: str, scope: Scope, fill: Callable[[str], str], client_of: Callable[[str], APIClient]
) -> None:
    _, text = api_key_create("all but one", scopes=set(Scope) - {scope})
    answer = client_of(text).generic(method, fill(path), b"{}", content_type="application/json")
    assert answer.status_code == 403
    if method != "HEAD":
        assert answer.json()["error"]["message"] == f"this API key lacks the scope `{scope}`"
    assert Analysis.objects.count() == 1


@pytest.mark.parametrize(("method", "path", "scope"), SCOPED)
def test_with_the_right_scope_alone_it_is_neither_401_nor_403(
    method: str, path: str, scope: Scope, fill: Callable[[str], str], client_of: Callable[[str], APIClient]
) -> None:
    _, text = api_key_create("one", scopes=[scope])
    answer = client_of(text).generic(method, fill(path), b"{}", content_type="application/json")
    assert answer.status_code not in (401, 403)
    close(answer)


@pytest.mark.parametrize(("method", "path", "scope"), OWNED)
def test_somebody_elses_row_is_as_absent_as_none(
    method: str, path: str, scope: Scope, fill: Callable[[str], str], client_of: Callable[[str], APIClient]
) -> None:
    stranger = client_of(api_key_create("stranger", scopes=list(Scope))[1])
    filled = fill(path)
    nobody = dict.fromkeys(("analysis", "job", "video", "collection", "face"), NOBODY)
    nowhere = path.format(**nobody).replace("visitor", "nobody")
    named = path in ("/api/v1/subjects/export", "/api/v1/subjects/erase")
    there, absent = (
        stranger.generic(method, address, body if named else b"{}", content_type="application/json")
        for address, body in ((filled, b'{"subject": "visitor"}'), (nowhere, b'{"subject": "nobody"}'))
    )
    assert there.status_code == absent.status_code == 404
    assert code_of(there) == code_of(absent) == ("" if method == "HEAD" else "not_found")
    assert Analysis.objects.count() == 1


def test_receipt_keys_are_for_everyone(db: None) -> None:
    assert APIClient().get("/api/v1/receipt-keys").status_code == 200


def test_a_person_may_all_but_manage_and_a_superuser_that_too(user: User) -> None:
    client = APIClient()
    client.force_login(user)
    assert client.get("/api/v1/analyses").status_code == 200
    answer = client.get("/api/v1/api-keys")
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, "this login lacks the scope `admin`")

    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/api/v1/api-keys").status_code == 200
