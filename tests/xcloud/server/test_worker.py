"""Slow clients hold no thread, a caller holds at most half, and refused bodies are not read."""

import contextlib
import hashlib
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.small_disk import small_disk
from tests.xcloud.server.app import BIG
from tests.xcloud.server.serving import THREADS, served

HOST = b"Host: localhost\r\n"
CHUNKED = b"POST /digest HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
# The first data of clients that then stall, or send or read a byte per second.
SLOW = {
    "half a head": b"GET / HTTP/1.1\r\n" + HOST + b"X-Slow: ",
    "half a form": b"POST /digest HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nabc",
    "half an upload": b"POST /digest HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 900000\r\nAuthorization: Bearer x\r\n\r\nabc",
    "half a chunk": CHUNKED + b"1000\r\nabc",
    "an upload that is asked about first": b"POST /digest HTTP/1.1\r\n" + HOST + b"Content-Length: 900000\r\n\r\nabc",
    "unread answers": (b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n") * 20,
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("var")) as number:
        yield number


def ask(
    port: int, path: str, body: bytes | None = None, key: str = "another", timeout_s: float = 10
) -> tuple[int, bytes, str | None]:
    """Status, body and ``Connection``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request("GET" if body is None else "POST", path, body, {"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Connection")


def raw(port: int, sent: bytes) -> bytes:
    """All data received until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("kind", SLOW)
def test_200_slow_clients_hold_up_nobody(port: int, kind: str) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(200):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.setblocking(False)
            connection.send(SLOW[kind])
        for path in ("/healthz", "/other"):
            started = time.monotonic()
            assert ask(port, path)[:2] == (200, b"here")
            assert time.monotonic() - started < 2


def test_a_caller_has_half_of_the_threads_and_health_never_waits(port: int) -> None:
    def seconds(key: str, path: str) -> float:
        started = time.monotonic()
        assert ask(port, path, key=key)[0] == 200
        return time.monotonic() - started

    with ThreadPoolExecutor(12) as clients:
        greedy = [clients.submit(seconds, "greedy", "/sleeps") for _ in range(6)]
        time.sleep(0.2)
        assert seconds("modest", "/other") < 0.7
        assert seconds("greedy", "/healthz") < 0.7
        # Two at a time.
        assert max(client.result() for client in greedy) > 2.5


def test_a_large_body_is_not_asked_for_where_it_is_refused(port: int) -> None:
    head = b"POST /refuses HTTP/1.1\r\n" + HOST + b"Content-Length: 900000000\r\nExpect: 100-continue\r\n\r\n"
    answer = raw(port, head)
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_client_that_sends_on_reads_why_it_was_refused(port: int) -> None:
    status, body, connection = ask(port, "/refuses", bytes(30_000_000))
    assert (status, body, connection) == (401, b"no", "close")


@pytest.mark.parametrize("size", [0, 10, 64 * 1024, 64 * 1024 + 1, 800_000])
def test_bodies_of_every_size_arrive_whole(port: int, size: int) -> None:
    body = os.urandom(size)
    assert ask(port, "/digest", body)[:2] == (200, hashlib.sha256(body).hexdigest().encode())


def test_who_waits_to_be_asked_for_the_body_is_asked(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for size in (10, 70_000):
            head = f"POST /digest HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(bytes(size))
            digest, answer = hashlib.sha256(bytes(size)).hexdigest().encode(), b""
            while not answer.endswith(digest):
                answer += connection.recv(1000)


def test_a_caller_has_half_of_the_room_for_bodies(port: int) -> None:
    assert ask(port, "/digest", bytes(1_000_001))[0] == 503
    half = b"POST /digest HTTP/1.1\r\n" + HOST + b"Authorization: Bearer greedy\r\nContent-Length: 600000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(half)
        time.sleep(0.2)
        status, body, closes = ask(port, "/digest", bytes(600_000), key="greedy")
        assert (status, closes) == (503, "close")
        assert b'"code": "overloaded"' in body
        assert ask(port, "/digest", bytes(600_000), key="modest")[0] == 200
    time.sleep(0.2)
    assert ask(port, "/digest", bytes(600_000), key="greedy")[0] == 200


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    one = b"POST /digest HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n"
    answers = raw(port, one + b"\r\na" + one + b"\r\nb" + one + b"Connection: close\r\n\r\nc")
    found = [answers.find(hashlib.sha256(letter).hexdigest().encode()) for letter in (b"a", b"b", b"c")]
    assert found == sorted(found)
    assert found[0] > 0


def test_an_answer_waits_for_its_reader_and_is_whole(port: int) -> None:
    with contextlib.ExitStack() as readers:
        slow = [readers.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(2 * THREADS)]
        for connection in slow:
            connection.sendall(b"GET /big HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        assert ask(port, "/other")[0] == 200
        for connection in slow:
            answer = b"".join(iter(lambda reading=connection: reading.recv(65536), b""))
            assert answer.partition(b"\r\n\r\n")[2] == BIG


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 70_000, b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\n\n", b"400"),
        (b"GET /fails HTTP/1.1\r\n" + HOST + b"\r\n", b"500"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_json(port: int, sent: bytes, status: bytes) -> None:
    head, _, body = raw(port, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in head
    assert body.startswith(b'{"error": {"code": "')


def test_a_body_for_which_the_disk_has_no_space_is_refused_with_the_reason(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk, served(disk) as number:
        status, body, _ = ask(number, "/digest", b"x" * 500_000)
        assert (status, json.loads(body)["error"]["code"]) == (503, "storage_unavailable")
        assert ask(number, "/digest", b"x")[0] == 200
