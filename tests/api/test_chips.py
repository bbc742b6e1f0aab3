"""Small pictures of faces: kept where asked or by default, sealed, given to their owner, and gone with the analysis."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.models import Analysis, ApiKey, AuditEvent, FaceChip
from cv.services import api_key_create, expired_purge
from cv.trust.caller import Caller
from cv.trust.chips import unseal_chip
from tests.factories import streamed
from tests.jobs import archive, made_job, work_through

ANALYSES = "/api/v1/analyses"


def post(api: APIClient, photo: bytes, **store: Any) -> Any:
    answer = api.post(ANALYSES, {"image": base64.b64encode(photo).decode(), "attributes": ["age"], "store": store})
    assert answer.status_code == 201, answer.content
    return answer.json()


def chip(made: Any, index: int = 0) -> str:
    return f"{ANALYSES}/{made['id']}/faces/{index}/chip"


def test_a_face_is_kept_if_asked_and_shows_it_upright(api: APIClient, two_faces: bytes) -> None:
    made = post(api, two_faces, chips=True)
    answer = api.get(chip(made, 1))
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (
        200,
        "image/jpeg",
        "private, no-store",
    )
    picture = Image.open(io.BytesIO(answer.content)).convert("RGB")
    assert picture.size == (96, 96)
    # The middle is skin, not the white canvas around the smaller photo.
    red, green, blue = picture.resize((1, 1), box=(32, 40, 64, 72)).getpixel((0, 0))
    assert red > green > blue
    assert api.get(chip(made, 2)).status_code == 404
    assert AuditEvent.objects.filter(action="picture.read").count() == 1


def test_nothing_is_kept_unless_asked(api: APIClient, grace_hopper: bytes) -> None:
    made = post(api, grace_hopper)
    assert api.get(chip(made)).status_code == 404
    assert FaceChip.objects.count() == 0


def test_by_default_faces_are_kept_unless_a_request_says_no(
    api: APIClient, grace_hopper: bytes, settings: Settings
) -> None:
    settings.XCLOUD_FACE_CHIPS = "default"
    assert api.get(chip(post(api, grace_hopper))).status_code == 200
    assert api.get(chip(post(api, grace_hopper, chips=False))).status_code == 404
    # The picture has the face in it.
    assert api.get(chip(post(api, grace_hopper, image=True))).status_code == 404
    answer = api.post(
        ANALYSES, {"image": base64.b64encode(grace_hopper).decode(), "attributes": ["age"], "store": {"result": False}}
    )
    assert answer.status_code == 200
    assert FaceChip.objects.count() == 1


def test_a_server_that_keeps_none_says_so(api: APIClient, grace_hopper: bytes, settings: Settings) -> None:
    settings.XCLOUD_FACE_CHIPS = "never"
    answer = api.post(ANALYSES, {"image": base64.b64encode(grace_hopper).decode(), "store": {"chips": True}})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == {"store": {"chips": ["this server keeps no pictures of faces"]}}
    assert Analysis.objects.count() == 0


def test_a_kept_face_is_sealed_to_its_row(api: APIClient, grace_hopper: bytes) -> None:
    made = post(api, grace_hopper, chips=True)
    row = FaceChip.objects.get()
    assert b"JFIF" not in bytes(row.jpeg)
    assert unseal_chip(row.jpeg, row.pk)[:3] == b"\xff\xd8\xff"
    FaceChip.objects.update(jpeg=bytes(row.jpeg)[:-1] + b"\0")
    answer = api.get(chip(made))
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "vectors_unreadable")


def test_only_the_owner_with_the_scope_sees_it(
    api: APIClient, grace_hopper: bytes, key: tuple[ApiKey, str], client_of: Callable[[str], APIClient]
) -> None:
    made = post(api, grace_hopper, chips=True)
    _, other = api_key_create("another")
    assert client_of(other).get(chip(made)).status_code == 404
    assert APIClient().get(chip(made)).status_code == 401
    key[0].scopes = ["analyse"]
    key[0].save()
    assert api.get(chip(made)).status_code == 403


def test_it_expires_with_the_analysis(api: APIClient, grace_hopper: bytes) -> None:
    post(api, grace_hopper, chips=True, ttl_days=1)
    expired_purge(timezone.now() + timedelta(days=2))
    assert FaceChip.objects.count() == 0


def test_it_is_exported_and_erased_with_its_subject(api: APIClient, two_faces: bytes) -> None:
    made = post(api, two_faces, chips=True, subject="visitor")
    seen = api.get(chip(made)).content
    document = api.get("/api/v1/subjects/visitor/export")
    exported = json.loads(streamed(document))["analyses"][0]["chips"]
    assert [each["face"] for each in exported] == [0, 1]
    assert base64.b64decode(exported[0]["base64"]) == seen
    archive = zipfile.ZipFile(io.BytesIO(streamed(api.get("/api/v1/subjects/visitor/export?format=zip"))))
    assert b'"media_type": "image/jpeg"' in archive.read("export.json")
    receipt = api.post("/api/v1/subjects/visitor/erase", {}).json()["receipt"]
    assert (receipt["deleted"]["chips"], receipt["deleted"]["pictures"]) == (2, 0)
    assert FaceChip.objects.count() == 0


@pytest.mark.parametrize("wanted", [None, False])
def test_null_is_the_servers_default(
    api: APIClient, grace_hopper: bytes, settings: Settings, wanted: bool | None
) -> None:
    settings.XCLOUD_FACE_CHIPS = "default"
    post(api, grace_hopper, chips=wanted)
    assert FaceChip.objects.count() == (1 if wanted is None else 0)


def test_a_jobs_faces_are_kept_and_seen_on_its_page(client: Client, user: User, two_faces: bytes) -> None:
    job = made_job(Caller(user=user), archive([("a.png", two_faces)]), chips=True)
    work_through()
    assert FaceChip.objects.count() == 2
    client.force_login(user)
    made = Analysis.objects.get()
    shown = f'src="{ANALYSES}/{made.pk}/faces/0/chip"'
    assert shown in client.get(f"/jobs/{job.pk}/").content.decode()
    assert shown in client.get("/gallery/").content.decode()


def test_the_page_says_what_is_kept_before_the_upload(client: Client, user: User, settings: Settings) -> None:
    client.force_login(user)
    for policy, box in (("never", None), ("asked", False), ("default", True)):
        settings.XCLOUD_FACE_CHIPS = policy
        for path in ("/", "/jobs/"):
            found = re.search(r'<input type="checkbox" id="chips"[^>]*>', client.get(path).content.decode())
            assert (found is None) == (box is None)
            assert found is None or ("checked" in found[0]) == box
