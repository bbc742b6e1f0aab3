"""``Idempotency-Key``: done once, answered alike, and never another request's answer."""

import base64
import io
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.models import Analysis, ApiKey, IdempotentRequest, Webhook
from cv.services import api_key_create, expired_purge

URL = "/api/v1/analyses"


@pytest.fixture
def body(empty_scene: bytes) -> dict[str, Any]:
    return {"image": base64.b64encode(empty_scene).decode()}


def keyed(client: APIClient, body: Any, key: str = "order-1", path: str = URL, **options: Any) -> Any:
    return client.post(path, body, HTTP_IDEMPOTENCY_KEY=key, **options)


def error_of(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"]


CONFLICT = "Idempotency-Key: this key came with another request before; take a new one"


def test_same_key_and_body_is_done_once_and_answered_alike(api: APIClient, body: dict[str, Any]) -> None:
    first, second = keyed(api, body), keyed(api, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Analysis.objects.count() == 1


def test_same_key_and_other_body_is_409(api: APIClient, body: dict[str, Any]) -> None:
    keyed(api, body)
    for answer in (
        keyed(api, {**body, "max_faces": 3}),
        keyed(api, body, path="/api/v1/detections"),
        keyed(api, {}, path="/api/v1/subjects/x/erase"),
    ):
        assert error_of(answer) == (409, "idempotency_conflict", CONFLICT)
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
    assert error_of(keyed(api, {"image": other}, "k", format="multipart"))[1] == "idempotency_conflict"


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
    still = "Idempotency-Key: the request with this key is still being worked on"
    assert error_of(keyed(api, body)) == (409, "idempotency_conflict", still)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    assert keyed(api, body).status_code == 201


def test_answers_are_forgotten_after_a_day(api: APIClient, body: dict[str, Any]) -> None:
    keyed(api, body)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "Idempotency-Replayed" not in keyed(api, body)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert expired_purge().answers == 1


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_duplicates_one_is_done(client_of: Callable[[str], APIClient], body: dict[str, Any]) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory, shared by threads, locks tables without waiting; a served file waits")
    _, text = api_key_create("x")
    answers: list[Any] = []
    together = threading.Barrier(4)

    def post() -> None:
        together.wait()
        try:
            answers.append(keyed(client_of(text), body))
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Analysis.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
