"""The time limits of a client: for a head, for a body, for reading, and between two requests."""

import socket
from collections.abc import Iterator

import pytest

from xcloud.server.connection import HEAD_S, LEAST_BYTES_PER_S, LINGER_S, WINDOW_S, Connection, Doing

KEEPALIVE_S = 2.0


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """The server's connection and the client's socket."""
    ours, theirs = socket.socketpair()
    connection = Connection(ours, ("192.0.2.1", 1), ("192.0.2.2", 80), lambda conn: None)
    yield connection, theirs
    connection.begin(Doing.END, 0)
    connection.close()
    theirs.close()


def overdue(connection: Connection, now: float) -> bool:
    return connection.is_overdue(now, KEEPALIVE_S)


def test_a_head_has_its_time_and_a_kept_connection_its_own(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair
    connection.begin(Doing.HEAD, 0)
    assert not overdue(connection, HEAD_S)
    assert overdue(connection, HEAD_S + 1)
    connection.answered = 1
    assert overdue(connection, KEEPALIVE_S + 1)
    connection.count(b"GET ")
    assert not overdue(connection, KEEPALIVE_S + 1)
    assert overdue(connection, HEAD_S + 1)


def test_a_body_comes_in_at_the_least_rate_or_not_at_all(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair
    enough = int(LEAST_BYTES_PER_S * WINDOW_S)
    connection.begin(Doing.BODY, 0)
    connection.count(bytes(enough))
    assert not overdue(connection, WINDOW_S)
    # Data received earlier do not count again.
    connection.count(bytes(enough - 1))
    assert not overdue(connection, 2 * WINDOW_S - 1)
    assert overdue(connection, 2 * WINDOW_S)


def test_an_answer_is_read_at_the_least_rate(pair: tuple[Connection, socket.socket]) -> None:
    connection, client = pair
    connection.begin(Doing.WORK, 0)
    assert not overdue(connection, 1000)
    connection.sock.sendall(bytes(3_000_000))
    assert not overdue(connection, 1000 + WINDOW_S - 1)
    client.setblocking(False)
    assert len(client.recv(1_000_000)) > 0
    connection.sock.flush()
    connection.begin(Doing.READER, 2000)
    assert overdue(connection, 2000 + WINDOW_S)


def test_who_was_refused_has_a_moment_to_read_it(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair
    connection.begin(Doing.END, 0)
    assert not overdue(connection, LINGER_S)
    assert overdue(connection, LINGER_S + 1)


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        (b"", "address:192.0.2.1"),
        (b"X-Forwarded-For: 198.51.100.7\r\n", "address:192.0.2.1"),
        (b"Cookie: other=1; sessionid=abc\r\n", f"session:{hash('abc')}"),
        (b"Authorization: Bearer k\r\nCookie: sessionid=abc\r\n", f"key:{hash('k')}"),
        (b"Authorization: bearer   k\r\n", f"key:{hash('k')}"),
        # What the application ignores.
        (b"Authorization: Basic x\r\nCookie: sessionid=abc\r\n", f"session:{hash('abc')}"),
        (b"Cookie: sessionid=x; sessionid=abc\r\n", f"session:{hash('abc')}"),
        (b"Cookie: sessionid=abc; a=b\r\nCookie: sessionid=x\r\n", f"session:{hash('abc')}"),
        (b"Authorization: \xa0\r\n", "address:192.0.2.1"),
    ],
)
def test_callers_are_told_apart_by_key_session_or_address(
    pair: tuple[Connection, socket.socket], headers: bytes, caller: str
) -> None:
    from gunicorn.config import Config

    connection, _ = pair
    connection.received += b"GET / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n"
    assert connection.read_head(Config())
    assert connection.caller == caller
