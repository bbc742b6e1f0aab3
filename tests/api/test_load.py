"""Overload: refused at once, shared fairly among callers, and skipped for clients that have left."""

import base64
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from api.sources import fetches
from cv.engine import pool
from cv.engine.pool import EnginePool, EnginesBusy
from cv.models import Analysis, ApiKey
from cv.serving import engines
from cv.serving.gate import EngineGate
from tests.site import Site

URL = "/api/v1/analyses"


@pytest.fixture
def gate(settings: Settings) -> Iterator[EngineGate]:
    """At most four images in progress, and two from one caller."""
    settings.XCLOUD_ENGINE_SLOTS, settings.XCLOUD_ENGINE_QUEUE = 2, 2
    engines.engine_gate.cache_clear()
    yield engines.engine_gate()
    engines.engine_gate.cache_clear()


def test_beyond_the_queue_it_is_503_with_retry_after_while_health_and_lists_answer(
    gate: EngineGate, api: APIClient, client: Client, empty_scene: bytes
) -> None:
    body = {"image": base64.b64encode(empty_scene).decode()}
    with filled(gate, "one"), filled(gate, "two"):
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


def test_a_caller_that_fills_its_half_leaves_the_other_half(
    gate: EngineGate, api: APIClient, key: tuple[ApiKey, str], empty_scene: bytes
) -> None:
    body = {"image": base64.b64encode(empty_scene).decode()}
    with filled(gate, "greedy"):
        assert api.post(URL, body).status_code == 201
    with filled(gate, f"key:{key[0].pk}"):
        assert api.post(URL, body).status_code == 503


def test_an_address_that_hangs_takes_no_place_and_half_of_the_fetches(
    gate: EngineGate, api: APIClient, key: tuple[ApiKey, str], site: Site, empty_scene: bytes, settings: Settings
) -> None:
    url = {"url": f"{site.address}/photo.jpg"}
    name = f"key:{key[0].pk}"
    with contextlib.ExitStack() as hanging:
        for _ in range(settings.XCLOUD_URL_FETCHES // 2):
            hanging.enter_context(fetches().held(name, AssertionError()))
        answer = api.post(URL, url)
        assert (answer.status_code, answer.json()["error"]["code"], answer["Retry-After"]) == (503, "overloaded", "1")
        assert fetches().take("another")
        fetches().give_back("another")
        assert api.post(URL, {"image": base64.b64encode(empty_scene).decode()}).status_code == 201
    assert api.post(URL, url).status_code == 201


def test_every_way_a_request_ends_gives_its_place_back(gate: EngineGate, api: APIClient, empty_scene: bytes) -> None:
    good = {"image": base64.b64encode(empty_scene).decode()}
    for body in (good, {"image": "AAAA"}, {}, {"image": "!"}, {"url": "http://127.0.0.1/"}):
        api.post(URL, body)
        APIClient().post(URL, body)
    with filled(gate, "one"), filled(gate, "two"):
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


@contextlib.contextmanager
def filled(gate: EngineGate, caller: str) -> Iterator[None]:
    """The caller holds all places that it may have."""
    with contextlib.ExitStack() as places:
        for _ in range(2):
            places.enter_context(gate._places.held(caller, AssertionError("the place was not given back")))
        yield


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
    # Data that a client sends early, for example its next request, do not mean that it left.
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
