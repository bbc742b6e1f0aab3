"""What operators rely on: metrics, logs without secrets, throttled log-ins, a clean check of production settings."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings
from rest_framework.test import APIClient

from api.exceptions import WRONG_HOST
from cv.models import ApiKey
from telemetry.logs import JsonFormatter
from telemetry.proxy import client_address

ROOT = Path(__file__).resolve().parents[2]


def samples(client: Client) -> dict[tuple[str, str], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, ",".join(str(value) for value in sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_metrics_count_requests_stages_faces_and_errors(client: Client, api: APIClient, two_faces: bytes) -> None:
    import base64

    before = samples(client)
    api.post("/api/v1/analyses", {"image": base64.b64encode(two_faces).decode()})
    api.post("/api/v1/analyses", {"image": "AAAA"})
    after = samples(client)

    def grown(name: str, labels: str = "") -> float:
        return after[name, labels] - before.get((name, labels), 0)

    assert grown("xcloud_requests_total", "POST,/api/v1/analyses,201") == 1
    assert grown("xcloud_request_seconds_count", "POST,/api/v1/analyses") == 2
    assert grown("xcloud_engine_stage_seconds_count", "detect") == 1
    assert grown("xcloud_faces_total") == 2
    assert grown("xcloud_errors_total", "unsupported_media_type") == 1
    assert after["xcloud_engine_admitted", ""] == after["xcloud_engine_busy", ""] == 0


def test_metrics_label_routes_not_addresses(client: Client, api: APIClient, settings: Settings) -> None:
    api.get("/api/v1/analyses/00000000-0000-4000-8000-000000000000")
    api.get("/api/v1/subjects/Jane/export")
    text = client.get("/metrics").content.decode()
    assert 'route="/api/v1/analyses/{analysis_id}"' in text
    assert 'route="/api/v1/subjects/{subject}/export"' in text
    assert "0000-4000" not in text
    assert client.get("/healthz").json() == {"status": "ok", "version": settings.XCLOUD_VERSION}
    assert "Jane" not in text


def test_an_unknown_host_is_told_which_setting_allows_it(client: Client) -> None:
    answer = client.get("/api/v1/analyses", HTTP_HOST="evil.example")
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, f"Host: {WRONG_HOST}")
    page = client.get("/login/", HTTP_HOST="evil.example")
    assert (page.status_code, page.content.decode()) == (400, f"{WRONG_HOST}\n")
    assert "XCLOUD_ALLOWED_HOSTS" in WRONG_HOST


def test_metrics_can_be_held_back_behind_a_token(client: Client, settings: Settings, db: None) -> None:
    settings.XCLOUD_METRICS_TOKEN = "let-me-see"
    for header in ("", "Bearer wrong", "Bearer let-me-see-more"):
        answer = client.get("/metrics", HTTP_AUTHORIZATION=header)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer let-me-see").status_code == 200


def test_log_lines_are_json_with_the_requests_id_and_neither_key_nor_query(
    api: APIClient, key: tuple[ApiKey, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        api.get("/api/v1/analyses?subject=Jane", HTTP_X_REQUEST_ID="trace-1")
    lines = [JsonFormatter().format(record) for record in caplog.records]
    (line,) = [json.loads(line) for line in lines if json.loads(line)["logger"] == "xcloud.requests"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/analyses", 200)
    assert key[1] not in "".join(lines)
    assert "Jane" not in "".join(lines)


def test_log_lines_do_not_name_a_subject(api: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        api.get("/api/v1/subjects/Jane/export")
    (line,) = [JsonFormatter().format(record) for record in caplog.records if record.name == "xcloud.requests"]
    assert json.loads(line)["path"] == "/api/v1/subjects/<path:subject>/export"


def log_in(client: Client, name: str, password: str, address: str = "10.0.0.9") -> int:
    return client.post("/login/", {"username": name, "password": password}, REMOTE_ADDR=address).status_code


def test_guessing_a_password_is_stopped_after_ten_tries_for_that_name_and_address(user: User, client: Client) -> None:
    User.objects.create_user("grace", password="another-password")
    assert [log_in(client, "ada", "wrong") for _ in range(9)] == [200] * 9
    answer = client.post("/login/", {"username": "ada", "password": "wrong"}, REMOTE_ADDR="10.0.0.9")
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert answer.content == b"Too many wrong passwords. Try again in 15 minutes.\n"
    # The right password comes too late; another address and another name are not locked out.
    assert log_in(client, "ada", "a-good-password") == 429
    assert log_in(Client(), "ada", "a-good-password", "10.0.0.10") == 302
    assert log_in(Client(), "grace", "another-password") == 302


def test_behind_a_proxy_the_lock_is_for_the_address_that_the_proxy_names(
    user: User, client: Client, settings: Settings
) -> None:
    settings.HTTPS = True

    def status(password: str, forwarded: str) -> int:
        body = {"username": "ada", "password": password}
        return client.post("/login/", body, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded).status_code

    # Entries before it, which the client wrote itself, have no effect.
    assert [status("wrong", f"192.0.2.{number}, 198.51.100.7") for number in range(10)] == [200] * 9 + [429]
    assert status("a-good-password", "198.51.100.7") == 429
    assert status("a-good-password", "198.51.100.8") == 302


@pytest.mark.parametrize(
    ("https", "forwarded", "address"),
    [
        (False, "198.51.100.7", "10.0.0.1"),
        (True, "", "10.0.0.1"),
        (True, "unknown", "10.0.0.1"),
        (True, "192.0.2.1, 2001:DB8::7", "2001:db8::7"),
    ],
)
def test_the_clients_address_is_the_proxys_word_only_behind_one(
    settings: Settings, https: bool, forwarded: str, address: str
) -> None:
    settings.HTTPS = https
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


def test_the_admin_has_no_log_in_of_its_own(user: User, client: Client) -> None:
    for answer in (client.get("/admin/login/?next=/admin/cv/"), client.post("/admin/login/?next=/admin/cv/")):
        assert (answer.status_code, answer["Location"]) == (302, "/login/?next=%2Fadmin%2Fcv%2F")
    client.force_login(user)
    # Not in a circle between the two.
    assert client.get("/admin/", follow=True).status_code == 403


def deployed(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**os.environ, "XCLOUD_HTTPS": "true", "XCLOUD_VAR_DIR": str(tmp_path / "var"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("subdomains", ["true", "false"])
def test_check_deploy_is_clean_with_production_settings(tmp_path: Path, subdomains: str) -> None:
    ended = deployed(tmp_path, "check", "--deploy", "--fail-level", "WARNING", XCLOUD_HSTS_SUBDOMAINS=subdomains)
    assert ended.returncode == 0, ended.stderr


def test_production_cookies_are_secure_and_plain_http_is_sent_to_https(tmp_path: Path) -> None:
    program = (
        "from django.conf import settings as s; from django.test import Client; "
        "print(s.DEBUG, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS, "
        "Client(headers={'host': 'localhost'}).get('/login/')['Location'], "
        "Client(headers={'host': 'localhost'}).get('/healthz').status_code)"
    )
    ended = deployed(tmp_path, "shell", "--no-imports", "-c", program)
    assert ended.stdout.split() == ["False", "True", "True", "31536000", "https://localhost/login/", "200"], (
        ended.stderr
    )
