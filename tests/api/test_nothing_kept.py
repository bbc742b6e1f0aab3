"""Requests that are answered and leave nothing behind: `store.result` false, and previews."""

import io
from typing import Any

import pytest
from django.apps import apps
from PIL import Image
from rest_framework.test import APIClient

from cv.models import Webhook
from tests.api.test_analyses import as_file

URL = "/api/v1/analyses"
PREVIEWS = "/api/v1/previews"


def row_counts() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in apps.get_app_config("cv").get_models()}


@pytest.mark.parametrize("form", [{"store.result": "false"}, {"store": '{"result": false}'}], ids=["field", "json"])
def test_a_result_that_is_not_to_be_kept_is_answered_and_leaves_no_row(
    api: APIClient, astronaut: bytes, form: dict[str, str]
) -> None:
    Webhook.objects.create(url="https://example.org/", events=["analysis.created"])
    before = row_counts()
    for _ in range(2):
        # The second request is done again: its answer is not remembered either.
        answer = api.post(
            URL, {"image": as_file(astronaut), **form}, format="multipart", headers={"Idempotency-Key": "order-1"}
        )
        assert answer.status_code == 200
        assert "Idempotency-Replayed" not in answer.headers
        body = answer.json()
        assert list(body) == ["image", "faces", "model", "models", "timing_ms"]
        assert body["faces"][0]["attributes"]["gender"]["label"] == "female"
        assert answer["X-Model-Version"] == f"{body['model']['name']}/{body['model']['version']}"
    assert row_counts() == before


@pytest.mark.parametrize("kept", [{"image": True}, {"ttl_days": 3}, {"subject": "her"}])
def test_nothing_and_something_cannot_both_be_kept(api: APIClient, kept: dict[str, Any]) -> None:
    answer = api.post(URL, {"image": "AAAA", "store": {"result": False, **kept}}, format="json")
    (name,) = kept
    assert answer.status_code == 400
    message = f"store.{name}: cannot be combined with `result`: false, which keeps nothing"
    assert answer.json()["error"]["message"] == message


def test_a_job_keeps_its_results(api: APIClient) -> None:
    answer = api.post(
        "/api/v1/jobs", {"urls": ["https://example.org/a.jpg"], "store": {"result": False}}, format="json"
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("store.result: unknown field")


@pytest.mark.parametrize("kind", ["TIFF", "HEIF", "AVIF"])
def test_a_picture_that_browsers_cannot_show_becomes_a_small_jpeg(api: APIClient, astronaut: bytes, kind: str) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(astronaut)).convert("RGB").resize((1600, 3200)).save(file, kind)
    before = row_counts()
    answer = api.post(PREVIEWS, {"image": as_file(file.getvalue())}, format="multipart")
    assert answer.status_code == 200
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/jpeg", "private, no-cache")
    preview = Image.open(io.BytesIO(answer.content))
    assert (preview.format, preview.size) == ("JPEG", (800, 1600))
    assert not preview.getexif()
    assert row_counts() == before


def test_what_is_no_picture_has_no_preview(api: APIClient) -> None:
    answer = api.post(PREVIEWS, {"image": as_file(b"not a picture")}, format="multipart")
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"
