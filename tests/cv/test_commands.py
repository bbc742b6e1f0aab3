"""The output of the commands, for people and scripts."""

import io
import json
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from cv.choices import WebhookEvent
from cv.models import Analysis, ApiKey
from cv.selectors import api_key_usable
from cv.services import event_emit, webhook_create
from tests.site import Site

GRACE_HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


def output(*command: str, **options: Any) -> list[str]:
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue().splitlines()


def test_create_api_key_prints_a_working_key_alone_on_the_last_line(db: None) -> None:
    lines = output("create_api_key", "camera")
    row = api_key_usable(lines[-1])
    assert row is not None
    assert (row.name, row.user, row.expires_at) == ("camera", None, None)


def test_create_api_key_for_a_user_and_some_days(user: User) -> None:
    row = api_key_usable(output("create_api_key", "camera", "--user", "ada", "--days", "7")[-1])
    assert row is not None
    assert row.user == user
    assert row.expires_at is not None
    assert (row.expires_at - row.created_at).days == 7


@pytest.mark.parametrize("arguments", [["x", "--user", "nobody"], ["x", "--days", "0"], [""], ["x" * 101]])
def test_create_api_key_refuses_what_makes_no_key(db: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        output("create_api_key", *arguments)
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--days", "0", "--days must be from 1 to 3650, not 0"),
        ("--days", "99999999", "--days must be from 1 to 3650, not 99999999"),
        ("--rate", "1000001", "--rate must be from 1 to 1000000, not 1000001"),
    ],
)
def test_create_api_key_has_the_limits_of_the_api(db: None, option: str, value: str, said: str) -> None:
    with pytest.raises(CommandError, match=f"^{said}$"):
        output("create_api_key", "x", option, value)
    assert ApiKey.objects.count() == 0


def test_ensure_admin_prints_both_once_and_then_nothing(db: None, client: Any) -> None:
    lines = output("ensure_admin")
    password = next(line.split()[-1] for line in lines if "password  " in line)
    answer = client.post("/login/", {"username": "admin", "password": password})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    row = api_key_usable(lines[-1].strip())
    assert row is not None
    assert row.user == User.objects.get(is_superuser=True)

    assert output("ensure_admin") == []
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)


def test_purge_expired_says_what_it_did(db: None) -> None:
    assert output("purge_expired") == [
        "removed 0 expired analyses and 0 pictures without one",
        "removed 0 remembered answers, 0 webhook deliveries and 0 audit events that were old",
        "removed 0 old jobs and 0 inputs of jobs that are no longer needed",
        "removed 0 expired faces of collections",
        "removed 0 files of rows that were already deleted",
    ]


def test_analyze_image_prints_the_shape_of_the_api_and_stores_nothing(api: APIClient) -> None:
    (line,) = output("analyze_image", "--json", str(GRACE_HOPPER))
    result = json.loads(line)
    assert Analysis.objects.count() == 0
    with GRACE_HOPPER.open("rb") as file:
        answer = api.post("/api/v1/analyses", {"image": file}, format="multipart").json()
    assert result.pop("file") == str(GRACE_HOPPER)
    assert list(result) == ["image", "faces", "model", "models", "timing_ms"]
    for part in ("image", "faces", "model"):
        assert result[part] == answer[part]


def test_analyze_image_goes_on_after_a_bad_file_and_fails_at_the_end(tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("hello")
    files = [str(tmp_path / "missing.jpg"), str(text), str(GRACE_HOPPER)]
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("analyze_image", "--json", *files, stdout=out)
    assert ended.value.code == 1
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["file"] for line in lines] == files
    assert lines[0]["error"] == {"code": "invalid_request", "message": "file: No such file or directory"}
    assert lines[1]["error"] == {
        "code": "unsupported_media_type",
        "message": "image: not a JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF or HEIC image",
    }
    assert len(lines[2]["faces"]) == 1


def test_analyze_image_tells_people_one_line_a_face() -> None:
    lines = output("analyze_image", str(GRACE_HOPPER))
    assert lines[0].startswith(f"{GRACE_HOPPER}: 512 × 600, faces: 1, ")
    assert lines[1].startswith("  #0  ")
    assert len(lines) == 2


def test_analyze_image_min_face_px_out_of_range_is_an_error() -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("analyze_image", "--json", "--min-face-px", "5", str(GRACE_HOPPER), stdout=out)
    assert json.loads(out.getvalue())["error"]["code"] == "invalid_request"


def test_migrations_match_the_models(db: None) -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=io.StringIO())


def test_create_api_key_with_scopes_attributes_and_rate(db: None) -> None:
    options = ["--scopes", "read", "admin", "--attributes", "age", "--rate", "60"]
    row = api_key_usable(output("create_api_key", "operator", *options)[-1])
    assert row is not None
    assert (row.scopes, row.attributes, row.rate_per_minute) == (["admin", "read"], ["age"], 60)
    plain = api_key_usable(output("create_api_key", "camera")[-1])
    assert plain is not None
    assert (plain.scopes, plain.attributes, plain.rate_per_minute) == (["analyse", "read", "erase"], None, None)


@pytest.mark.parametrize("options", [["--scopes", "root"], ["--attributes", "iq"], ["--rate", "0"]])
def test_create_api_key_refuses_what_is_no_scope_attribute_or_rate(db: None, options: list[str]) -> None:
    with pytest.raises(CommandError):
        output("create_api_key", "x", *options)
    assert ApiKey.objects.count() == 0


def test_deliver_webhooks_once_says_how_many_it_tried(db: None, site: Site) -> None:
    webhook_create(f"{site.address}/hook", [WebhookEvent.SUBJECT_ERASED])
    event_emit(WebhookEvent.SUBJECT_ERASED, {"receipt": "x", "analyses": 0})
    assert output("deliver_webhooks", "--once") == ["tried 1 deliveries"]
    assert output("deliver_webhooks", "--once") == ["tried 0 deliveries"]
    assert len(site.posts) == 1
