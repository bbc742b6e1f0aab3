"""No line of the log contains a name from an address, a host or an unreadable request line."""

import json
import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from rest_framework.test import APIClient

from cv.files.stores import StorageUnavailable
from cv.trust.caller import Caller
from telemetry.logs import JsonFormatter
from tests.factories import stored_analysis

ROOT = Path(__file__).resolve().parents[2]


def written(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """The records that the console's handler would write."""
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/v1/subject/Jane/export", "/^api/"),
        ("/api/v1/subjects/Jane/exprot", "/^api/"),
        ("/api/v1/Jane", "/^api/"),
        ("/subjects/Jane", "(no such address)"),
        ("/Jane.jpg", "(no such address)"),
        ("/static/Jane.jpg", "(no such address)"),
        ("/api/v1/models/Jane", "/api/v1/models/<str:name>"),
        ("/api/v1/subjects/Jane/export", "/api/v1/subjects/<path:subject>/export"),
        ("/admin/cv/analysis/Jane/change/", "/admin/cv/analysis/<path:object_id>/change/"),
        ("/admin/cv/Jane", "/admin/(?P<url>.*)$"),
    ],
)
def test_a_name_in_an_address_does_not_come_into_the_log(
    api: APIClient, caplog: pytest.LogCaptureFixture, path: str, shown: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        api.get(path)
    lines = written(caplog)
    assert [line["path"] for line in lines if line["logger"] == "xcloud.requests"] == [shown]
    assert "Jane" not in json.dumps(lines)


@pytest.mark.parametrize(
    "path", ["/api/v1/analyses/00000000-0000-4000-8000-000000000000", "/api/v1/analyses", "/healthz", "/"]
)
def test_ids_and_plain_addresses_are_still_in_the_log(
    api: APIClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.INFO):
        api.get(path)
    assert [line["path"] for line in written(caplog) if line["logger"] == "xcloud.requests"] == [path]


def test_a_host_that_is_not_ours_does_not_come_into_the_log(
    client: Client, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert client.get("/api/v1/analyses", HTTP_HOST="jane.example").status_code == 400
    lines = written(caplog)
    assert "jane" not in json.dumps(lines)
    assert "refused: DisallowedHost" in [line["message"] for line in lines]


def test_a_failed_request_does_not_bring_its_address_into_the_log(
    api: APIClient,
    caller: Caller,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    empty_scene: bytes,
) -> None:
    def away(*_: object) -> None:
        raise StorageUnavailable

    stored_analysis(caller, subject="Jane", data=empty_scene, image=True)
    monkeypatch.setattr(type(default_storage._wrapped), "open", away)  # type: ignore[attr-defined]
    with caplog.at_level(logging.DEBUG):
        assert api.get("/api/v1/subjects/Jane/export").status_code == 503
    lines = written(caplog)
    assert "Jane" not in json.dumps(lines)
    assert "Service Unavailable" in [line["message"] for line in lines if line["logger"] == "django.request"]


def test_a_form_that_is_refused_does_not_bring_its_address_into_the_log(
    user: User, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    with caplog.at_level(logging.DEBUG):
        assert client.post("/admin/cv/analysis/Jane/delete/").status_code == 403
    assert "Jane" not in json.dumps(written(caplog))


def test_the_server_does_not_quote_a_request_that_it_cannot_read(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "wsgiref.simple_server:demo_app"]
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ, stderr=file)
    try:
        answer = b""
        for _ in range(100):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                    connection.sendall(b"GET /api/v1/subjects/Jane Doe/export HTTP/1.1\r\nHost: x\r\n\r\n")
                    answer = connection.recv(1000)
                break
            except OSError:
                time.sleep(0.1)
        assert b" 400 " in answer
    finally:
        server.terminate()
        server.wait()
    assert "Booting worker" in log.read_text()
    assert "Jane" not in log.read_text()
