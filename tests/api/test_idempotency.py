"""``Idempotency-Key``: runs once, answers the same twice, and never gives another request's answer."""

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.engine.types import AnalysisResult
from cv.models import Analysis, ApiKey, Erasure, IdempotentRequest, Job, Webhook
from cv.services import api_key_create, expired_purge
from cv.trust.caller import Caller
from tests.api.duplicates import CLIENTS, sent_together
from tests.factories import analysis_result, face_result, stored_analysis

ROOT = Path(__file__).resolve().parents[2]
URL = "/api/v1/analyses"


@pytest.fixture
def body(empty_scene: bytes) -> dict[str, Any]:
    return {"image": base64.b64encode(empty_scene).decode()}


def keyed(client: APIClient, body: Any, key: str = "order-1", path: str = URL, **options: Any) -> Any:
    return client.post(path, body, HTTP_IDEMPOTENCY_KEY=key, **options)


def error_of(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"]


CONFLICT = "Idempotency-Key: this key was used with a different request; use a new key"


def test_same_key_and_body_is_done_once_and_answered_alike(api: APIClient, body: dict[str, Any]) -> None:
    first, second = keyed(api, body), keyed(api, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Analysis.objects.count() == 1


def test_same_key_and_other_body_is_422(api: APIClient, body: dict[str, Any]) -> None:
    keyed(api, body)
    for answer in (
        keyed(api, {**body, "max_faces": 3}),
        keyed(api, body, path="/api/v1/jobs"),
        keyed(api, {}, path="/api/v1/subjects/x/erase"),
    ):
        assert error_of(answer) == (422, "idempotency_mismatch", CONFLICT)
    assert Analysis.objects.count() == 1


def test_same_form_with_another_boundary_is_the_same_request(api: APIClient, empty_scene: bytes) -> None:
    answers = []
    for boundary in ("one", "two"):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'.encode()
        data = head + empty_scene + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        answers.append(api.generic("POST", URL, data, content_type=kind, HTTP_IDEMPOTENCY_KEY="k"))
    assert answers[0].json() == answers[1].json()
    assert Analysis.objects.count() == 1
    other = io.BytesIO(empty_scene + b"x")
    assert error_of(keyed(api, {"image": other}, "k", format="multipart"))[1] == "idempotency_mismatch"


def test_detections_keep_nothing_not_even_the_answer_to_a_key(api: APIClient, body: dict[str, Any]) -> None:
    answers = [keyed(api, body, path="/api/v1/detections") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "Idempotency-Replayed" not in answers[1]
    assert IdempotentRequest.objects.count() == 0


def test_what_is_kept_of_a_request_cannot_be_found_out_by_hashing_names(
    caller: Caller, api: APIClient, settings: Settings
) -> None:
    def kept(secret: str) -> tuple[str, str]:
        settings.SECRET_KEY = secret
        stored_analysis(caller, subject="Jane")
        assert keyed(api, {}, path="/api/v1/subjects/Jane/erase").status_code == 200
        row = IdempotentRequest.objects.get()
        row.delete()
        return row.fingerprint, row.digest

    first, second = kept("one secret"), kept("another secret")
    guess = json.dumps(["POST", "/api/v1/subjects/Jane/erase", {}], sort_keys=True).encode()
    assert hashlib.sha256(guess).hexdigest() not in {*first, *second}
    # Without the server's secret nothing can be guessed: with another secret, all values differ.
    assert set(first).isdisjoint(second)


def test_keys_of_two_callers_do_not_meet(
    api: APIClient, body: dict[str, Any], client_of: Callable[[str], APIClient]
) -> None:
    stranger = client_of(api_key_create("stranger")[1])
    assert keyed(api, body).json()["id"] != keyed(stranger, body).json()["id"]


def test_a_failure_is_not_remembered(api: APIClient, body: dict[str, Any]) -> None:
    assert keyed(api, {"image": "AAAA"}).status_code == 415
    assert IdempotentRequest.objects.count() == 0
    assert keyed(api, body).status_code == 201


def test_deleting_the_analysis_forgets_the_answer(api: APIClient, body: dict[str, Any]) -> None:
    first = keyed(api, body).json()["id"]
    api.delete(f"{URL}/{first}")
    assert IdempotentRequest.objects.count() == 0
    assert keyed(api, body).json()["id"] != first


def test_the_answer_is_sealed_with_the_clients_own_key(
    client_of: Callable[[str], APIClient], db: None, body: dict[str, Any]
) -> None:
    admin = client_of(api_key_create("admin", scopes=[Scope.ADMIN])[1])
    secret = keyed(admin, {"name": "camera"}, path="/api/v1/api-keys").json()["key"]
    assert keyed(admin, {"name": "camera"}, path="/api/v1/api-keys").json()["key"] == secret
    assert ApiKey.objects.filter(name="camera").count() == 1
    stored = str(IdempotentRequest.objects.values().get())
    assert secret not in stored
    assert "order-1" not in stored
    hook = {"url": "https://203.0.113.1/", "events": ["analysis.created"]}
    assert keyed(admin, hook, "k2", path="/api/v1/webhooks").status_code == 422
    assert Webhook.objects.count() == 0


def test_a_request_still_being_worked_on_is_409_until_its_worker_is_given_up(
    api: APIClient, body: dict[str, Any]
) -> None:
    keyed(api, body)
    IdempotentRequest.objects.update(status=None)
    still = "Idempotency-Key: the first request with this key is still in progress"
    assert error_of(keyed(api, body)) == (409, "idempotency_conflict", still)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    assert keyed(api, body).status_code == 201


@pytest.mark.parametrize("path", ["", "/reanalyse"], ids=["create", "reanalyse"])
def test_analysis_whose_answer_cannot_be_noted_is_not_kept(
    api: APIClient, caller: Caller, empty_scene: bytes, path: str, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = stored_analysis(caller, face_result(), data=empty_scene, image=True)
    monkeypatch.setattr("cv.services.idempotency.seal", lost)
    text = base64.b64encode(empty_scene).decode()
    to_send = ({"image": text, "store": {"image": True}}, URL) if not path else ({}, f"{URL}/{kept.pk}{path}")
    assert error_of(keyed(api, to_send[0], path=to_send[1]))[0] == 503
    assert Analysis.objects.get().faces.count() == 1
    assert len([file for file in pictures.rglob("*") if file.is_file()]) == 1
    assert IdempotentRequest.objects.count() == 0


def test_key_whose_answer_cannot_be_noted_is_not_made(
    client_of: Callable[[str], APIClient], db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = client_of(api_key_create("admin", scopes=[Scope.ADMIN])[1])
    monkeypatch.setattr("cv.services.idempotency.seal", lost)
    assert keyed(admin, {"name": "camera"}, path="/api/v1/api-keys").status_code == 503
    assert not ApiKey.objects.filter(name="camera").exists()


def test_job_whose_answer_cannot_be_noted_is_not_made(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv.services.idempotency.seal", lost)
    assert keyed(api, {"urls": ["https://example.org/1.jpg"]}, path="/api/v1/jobs").status_code == 503
    assert (Job.objects.count(), IdempotentRequest.objects.count()) == (0, 0)


@pytest.mark.parametrize("image", [False, True])
def test_erasure_whose_receipt_cannot_be_noted_hands_it_out_at_the_next_try(
    client_of: Callable[[str], APIClient],
    db: None,
    monkeypatch: pytest.MonkeyPatch,
    empty_scene: bytes,
    pictures: Path,
    image: bool,
) -> None:
    """If there was a picture, which cannot be restored, the rows are already erased; otherwise nothing is."""
    row, key = api_key_create("eraser", scopes=[Scope.ERASE])
    stored_analysis(Caller(api_key=row), face_result(), data=empty_scene, image=image, subject="visitor")
    with monkeypatch.context() as patch:
        patch.setattr("cv.services.idempotency.seal", lost)
        assert keyed(client_of(key), {}, path="/api/v1/subjects/visitor/erase").status_code == 503
    assert Analysis.objects.count() == (0 if image else 1)
    receipt = keyed(client_of(key), {}, path="/api/v1/subjects/visitor/erase").json()
    deleted = receipt["receipt"]["deleted"]
    assert (deleted["analyses"], deleted["faces"], deleted["pictures"]) == (1, 1, int(image))
    assert Erasure.objects.count() == 0
    assert keyed(client_of(key), {}, path="/api/v1/subjects/visitor/erase").json() == receipt


def test_request_that_was_given_up_meanwhile_keeps_nothing(
    api: APIClient, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*args: Any) -> AnalysisResult:
        # As the process that takes over does.
        IdempotentRequest.objects.all().delete()
        return analysis_result(face_result())

    monkeypatch.setattr("cv.services.analyses.analyzed", slowly)
    given_up = "Idempotency-Key: the first request with this key took too long and was aborted; try again"
    assert error_of(keyed(api, body)) == (409, "idempotency_conflict", given_up)
    assert Analysis.objects.count() == 0


def lost(*args: Any) -> str:
    raise OperationalError("the connection was lost")


def test_answers_are_forgotten_after_a_day(api: APIClient, body: dict[str, Any]) -> None:
    keyed(api, body)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "Idempotency-Replayed" not in keyed(api, body)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert expired_purge().answers == 1


KILLED = """
import os, sys, django
django.setup()
from cv.serving.processes import this_process
print(this_process(), flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(var: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A process of the service that shares the test's folder: its name, and the process, to be killed."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "xcloud.settings", "XCLOUD_VAR_DIR": str(var)}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def test_a_request_whose_process_was_killed_is_free_at_once(
    api: APIClient, body: dict[str, Any], settings: Settings, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    keyed(api, body)
    with another_process(tmp_path) as (name, process):
        IdempotentRequest.objects.update(status=None, answer="", process=name)
        assert error_of(keyed(api, body))[2].endswith("the first request with this key is still in progress")
        process.kill()
        process.wait()
        assert keyed(api, body).status_code == 201


def test_the_purge_frees_what_killed_processes_left(
    api: APIClient, body: dict[str, Any], settings: Settings, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path
    keyed(api, body)
    with another_process(tmp_path) as (name, process):
        IdempotentRequest.objects.update(status=None, answer="", process=name)
        expired_purge()
        assert [file.name for file in (tmp_path / "processes").iterdir()] == [name]
        process.kill()
        process.wait()
        expired_purge()
    assert list((tmp_path / "processes").iterdir()) == []
    assert not IdempotentRequest.objects.exists()


def test_a_request_of_another_machine_is_given_up_after_five_minutes(api: APIClient, body: dict[str, Any]) -> None:
    keyed(api, body)
    IdempotentRequest.objects.update(status=None, answer="", process="0" * 32)
    assert keyed(api, body).status_code == 409
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert keyed(api, body).status_code == 201


ON_A_FILE = """
import json, sys, django
django.setup()
from django.core.management import call_command
from django.test.utils import setup_test_environment
setup_test_environment()
call_command("migrate", verbosity=0)
from cv.services import api_key_create
from tests.api.duplicates import sent_together
print(json.dumps(sent_together(api_key_create("x")[1], *json.load(sys.stdin))))
"""


def sent_together_on_a_file(folder: Path, *arguments: Any) -> Any:
    """In a process of its own. The tests' own SQLite is in memory, shared by threads, and locks tables without waiting;
    a file, as it is served, waits."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder / 'served.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "xcloud.settings",
        "XCLOUD_VAR_DIR": str(folder / "var"),
    }
    ended = subprocess.run(
        [sys.executable, "-c", ON_A_FILE],
        cwd=ROOT, env=environment, input=json.dumps(arguments), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_duplicates_one_is_done(body: dict[str, Any], tmp_path: Path) -> None:
    if connection.vendor == "sqlite":
        found = sent_together_on_a_file(tmp_path, URL, body)
    else:
        found = sent_together(api_key_create("x")[1], URL, body)
    assert found["analyses"] == 1
    assert len(found["answers"]) == CLIENTS
    assert {status for status, _ in found["answers"]} <= {201, 409}
    assert len({made for status, made in found["answers"] if status == 201}) == 1
