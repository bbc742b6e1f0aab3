"""Kept pictures in an S3-compatible store, through the API: kept, read, described again, exported, deleted; outages."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import WebhookEvent
from cv.models import Analysis, AuditEvent, Face, WebhookDelivery
from cv.services import expired_purge, webhook_create
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis, streamed
from tests.s3 import S3Site, configure

URL = "/api/v1/analyses"


@pytest.fixture
def s3(settings: Settings) -> Iterator[S3Site]:
    site = S3Site()
    configure(settings, site)
    yield site
    site.close()


def posted(api: APIClient, image: bytes, **store: Any) -> Any:
    return api.post(URL, {"image": base64.b64encode(image).decode(), "store": {"image": True, **store}})


def refused(answer: Any) -> None:
    assert answer.status_code == 503
    assert answer["Retry-After"] == "10"
    error = answer.json()["error"]
    assert error["code"] == "storage_unavailable"
    assert error["message"] == "the storage of kept files does not answer; try again"


def test_a_picture_lives_in_the_bucket_from_upload_to_erasure(
    api: APIClient, s3: S3Site, grace_hopper: bytes, empty_scene: bytes
) -> None:
    made = posted(api, grace_hopper, subject="ada")
    other = posted(api, empty_scene, subject="bob")
    assert (made.status_code, other.status_code) == (201, 201)
    mine, theirs = (Analysis.objects.get(pk=answer.json()["id"]) for answer in (made, other))
    assert sorted(s3.keys()) == sorted(f"kept/{row.picture.name}" for row in (mine, theirs))

    read = api.get(f"{URL}/{mine.pk}/picture")
    assert (read.status_code, read["Content-Type"]) == (200, "image/jpeg")
    kept = s3.client.get_object(Bucket=s3.bucket, Key=f"kept/{mine.picture.name}")["Body"].read()
    assert streamed(read) == kept
    assert len(kept) == int(read["Content-Length"])

    again = api.post(f"{URL}/{mine.pk}/reanalyse", {})
    assert again.status_code == 200
    assert again.json()["faces"] == made.json()["faces"]

    held = json.loads(streamed(api.get("/api/v1/subjects/ada/export")))["analyses"]
    assert base64.b64decode(held[0]["picture"]["base64"]) == kept
    archive = zipfile.ZipFile(io.BytesIO(streamed(api.get("/api/v1/subjects/ada/export?format=zip"))))
    assert archive.read(f"pictures/{mine.pk}.jpg") == kept

    receipt = api.post("/api/v1/subjects/ada/erase", {}).json()["receipt"]
    assert receipt["deleted"]["pictures"] == 1
    assert s3.keys() == [f"kept/{theirs.picture.name}"]
    assert api.delete(f"{URL}/{theirs.pk}").status_code == 204
    assert s3.keys() == []


def test_purge_removes_expired_pictures_and_those_without_a_row_from_the_bucket(
    caller: Caller, s3: S3Site, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_analysis(caller, data=empty_scene, image=True, ttl_days=1)
    kept = stored_analysis(caller, data=empty_scene, image=True)
    for key in (f"aa/aa{'0' * 30}.jpg", "jobs/input.zip"):
        s3.client.put_object(Bucket=s3.bucket, Key=f"kept/{key}", Body=b"x")
    later = timezone.now() + timedelta(days=2)
    purged = expired_purge(later)
    assert (purged.analyses, purged.pictures) == (1, 0)
    assert len(s3.keys()) == 3
    # An hour later: objects cannot be made to look old, so the hour is made short.
    monkeypatch.setattr("cv.services.purge.ORPHAN_AGE", timedelta(0) - timedelta(minutes=1))
    assert expired_purge(later).pictures == 1
    assert sorted(s3.keys()) == sorted([f"kept/{kept.picture.name}", "kept/jobs/input.zip"])


def test_an_outage_while_a_picture_is_to_be_kept_leaves_nothing(
    api: APIClient, s3: S3Site, grace_hopper: bytes
) -> None:
    s3.outage()
    refused(posted(api, grace_hopper))
    assert (Analysis.objects.count(), Face.objects.count()) == (0, 0)
    without = api.post(URL, {"image": base64.b64encode(grace_hopper).decode()})
    assert without.status_code == 201


def test_an_outage_changes_nothing_about_what_is_kept(
    api: APIClient, caller: Caller, s3: S3Site, empty_scene: bytes
) -> None:
    webhook_create("https://93.184.215.14/hook", [WebhookEvent.ANALYSIS_DELETED, WebhookEvent.SUBJECT_ERASED])
    row = stored_analysis(caller, face_result(), data=empty_scene, image=True, subject="ada")
    before = list(Face.objects.values())
    s3.outage()
    refused(api.get(f"{URL}/{row.pk}/picture"))
    refused(api.post(f"{URL}/{row.pk}/reanalyse", {}))
    refused(api.get("/api/v1/subjects/ada/export"))
    refused(api.get("/api/v1/subjects/ada/export?format=zip"))
    refused(api.delete(f"{URL}/{row.pk}"))
    refused(api.post("/api/v1/subjects/ada/erase", {}))
    assert Analysis.objects.get().picture.name == row.picture.name
    assert list(Face.objects.values()) == before
    assert not WebhookDelivery.objects.exists()
    assert not AuditEvent.objects.filter(action__in=["analysis.erase", "subject.erase"]).exists()


def test_a_purge_during_an_outage_says_so_and_keeps_the_rows(caller: Caller, s3: S3Site, empty_scene: bytes) -> None:
    stored_analysis(caller, data=empty_scene, image=True, ttl_days=1)
    Analysis.objects.update(created_at=timezone.now() - timedelta(days=3))
    Analysis.objects.update(expires_at=timezone.now() - timedelta(days=2))
    s3.outage()
    with pytest.raises(CommandError, match="does not answer"):
        call_command("purge_expired")
    assert Analysis.objects.count() == 1


def test_an_outage_is_a_503_page_in_the_admin(client: Client, s3: S3Site, caller: Caller, empty_scene: bytes) -> None:
    client.force_login(User.objects.create_superuser("root"))
    row = stored_analysis(caller, data=empty_scene, image=True)
    s3.outage()
    client.raise_request_exception = False
    answer = client.get(f"/admin/cv/analysis/{row.pk}/picture")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "Stored pictures are not available" in answer.content.decode()
    assert client.get("/admin/").status_code == 200
