"""More than the engine can do: refused at once, while health is answered; and nothing is done for who has left."""

import base64
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.engine import pool
from cv.engine.pool import EnginePool, EnginesBusy
from cv.models import Analysis
from cv.serving import engines
from cv.serving.gate import EngineGate

URL = "/api/v1/analyses"


@pytest.fixture
def gate(settings: Settings) -> Iterator[EngineGate]:
    """One image at a time, one in line."""
    settings.XCLOUD_ENGINE_SLOTS, settings.XCLOUD_ENGINE_QUEUE = 1, 1
    engines.engine_gate.cache_clear()
    yield engines.engine_gate()
    engines.engine_gate.cache_clear()


def test_beyond_the_queue_it_is_503_with_retry_after_while_health_and_lists_answer(
    gate: EngineGate, api: APIClient, client: Client, empty_scene: bytes
) -> None:
    body = {"image": base64.b64encode(empty_scene).decode()}
    with gate.admitted(), gate.admitted():
        for path in (URL, "/api/v1/detections"):
            answer = api.post(path, body)
            assert answer.status_code == 503
            assert answer["Retry-After"] == "1"
            assert answer.json()["error"] == {
                "code": "overloaded",
                "message": "too many images are in progress; try again later",
                "details": {},
            }
        assert client.get("/healthz").status_code == 200
        assert api.get(URL).status_code == 200
    assert api.post(URL, body).status_code == 201
    assert Analysis.objects.count() == 1


def test_a_refused_request_is_not_read(gate: EngineGate, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*args: object) -> None:
        raise AssertionError("the body was read")

    monkeypatch.setattr("api.views.analyses.split_request", read)
    with gate.admitted(), gate.admitted():
        assert api.post(URL, {"image": "AAAA"}).status_code == 503


def test_every_way_a_request_ends_gives_its_place_back(gate: EngineGate, api: APIClient, empty_scene: bytes) -> None:
    good = {"image": base64.b64encode(empty_scene).decode()}
    for body in (good, {"image": "AAAA"}, {}, {"image": "!"}, {"url": "http://127.0.0.1/"}):
        api.post(URL, body)
        APIClient().post(URL, body)
    with gate.admitted(), gate.admitted():
        pass


def test_who_waits_too_long_for_an_engine_is_told_to_come_back(
    api: APIClient, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise EnginesBusy

    monkeypatch.setattr(EnginePool, "analyze", busy)
    answer = api.post(URL, {"image": base64.b64encode(empty_scene).decode()})
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json()["error"]["message"] == "no engine became free in time; try again later"
    assert not Analysis.objects.exists()


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end and the client's."""
    server, client = socket.socketpair()
    yield server, client
    server.close()
    client.close()


@pytest.mark.usefixtures("gate")
def test_engine_does_not_run_for_a_client_that_left(
    api: APIClient, connection: tuple[socket.socket, socket.socket], empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = connection
    runs: list[int] = []
    monkeypatch.setattr(pool._Engine, "ask", counted(pool._Engine.ask, runs))
    body = {"image": base64.b64encode(empty_scene).decode()}
    assert api.post(URL, body, **{"gunicorn.socket": server}).status_code == 201
    # What a client sends early, such as its next request, does not mean that it left.
    client.send(b"GET / HTTP/1.1\r\n")
    assert api.post(URL, body, **{"gunicorn.socket": server}).status_code == 201
    server.recv(100)
    client.close()
    answer = api.post(URL, body, **{"gunicorn.socket": server})
    assert (answer.status_code, answer.json()["error"]["code"]) == (499, "client_closed_request")
    assert runs == [1, 1]
    assert Analysis.objects.count() == 2


def counted(method: Callable[..., Any], runs: list[int]) -> Callable[..., Any]:
    def counting(*args: Any) -> Any:
        runs.append(1)
        return method(*args)

    return counting
