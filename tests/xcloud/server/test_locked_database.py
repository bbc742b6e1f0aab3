"""While SQLite is locked, /healthz answers at once, and /readyz gives the reason within seconds."""

import http.client
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from benchmarks.server import Server, start_server

# More requests than the server has threads.
WRITERS = 30


@pytest.fixture
def locked(empty_scene: bytes) -> Iterator[Server]:
    with start_server(empty_scene) as server:
        (worker, *_) = psutil.Process(server.pid).children()
        file = Path(worker.environ()["XCLOUD_VAR_DIR"], "xcloud.sqlite3")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield server


def asked(server: Server, path: str) -> tuple[int, bytes, float]:
    """Status, body and seconds."""
    start = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(), time.monotonic() - start


def test_with_a_locked_database_health_is_answered_at_once_and_readiness_says_why(locked: Server) -> None:
    status, body, seconds = asked(locked, "/readyz")
    assert (status, json.loads(body)["error"]["code"]) == (503, "database_unavailable")
    assert seconds < 5
    head = f"GET /api/v1/analyses HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {locked.key}\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(WRITERS):
            stack.enter_context(socket.create_connection(("127.0.0.1", locked.port))).sendall(head)
        time.sleep(1)
        status, _, seconds = asked(locked, "/healthz")
    assert status == 200
    assert seconds < 2
