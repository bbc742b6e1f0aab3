"""Chunked bodies are taken within the limits, and nothing can be hidden in one."""

import contextlib
import hashlib
import http.client
import io
import os
import socket
import time
from collections.abc import Iterable, Iterator

import pytest

from tests.xcloud.server.serving import served
from xcloud.server.chunks import FREE_OVERHEAD, MAX_SIZE_LINE, MAX_TRAILERS, BadChunk, ChunkedBody

HEAD = b"POST /digest HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
DIGEST = hashlib.sha256(b"hello").hexdigest().encode()
PLENTY = 10**9


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("var")) as number:
        yield number


def ask(port: int, path: str, pieces: Iterable[bytes], key: str | None = "a") -> tuple[int, bytes, str | None]:
    """Sends each piece as a chunk; returns status, body and ``Connection``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        connection.request("POST", path, iter(pieces), headers, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Connection")


def raw(port: int, sent: bytes) -> bytes:
    """All data received until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def decoded(sent: bytes, at_once: int = PLENTY) -> tuple[bytes, bytes]:
    """The body, and what follows it."""
    chunks, received, body = ChunkedBody(), bytearray(), io.BytesIO()
    for start in range(0, len(sent), at_once):
        received += sent[start : start + at_once]
        chunks.decode(received, body, PLENTY)
    assert chunks.whole
    return body.getvalue(), bytes(received)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, PLENTY])
def test_a_chunked_body_is_decoded_however_it_is_cut(at_once: int) -> None:
    sent = b'5\r\nhello\r\n00A;name="v"\r\n, chunked!\r\n0\r\nTrailer: dropped\r\nX:\r\n\r\nGET / HTTP/1.1'
    assert decoded(sent, at_once) == (b"hello, chunked!", b"GET / HTTP/1.1")
    assert decoded(b"0\r\n\r\n", at_once) == (b"", b"")


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\nhello",
        b"-5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\r\nhelloo\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5;\nGET / HTTP/1.1\r\nhello\r\n",
        b"5;\rx\r\nhello\r\n",
        b"1" * 16 + b"\r\n",
        b"5;" + b"x" * MAX_SIZE_LINE + b"\r\nhello\r\n",
        b"0" * (MAX_SIZE_LINE + 2),
        b"0\r\n no name\r\n\r\n",
        b"0\r\nX : space\r\n\r\n",
        b"0\r\nX: a\nY: b\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * (MAX_TRAILERS // 6 + 1),
        b"0\r\nX: " + b"y" * (MAX_TRAILERS + 2),
        "５\r\nhello\r\n".encode(),
    ],
)
@pytest.mark.parametrize("at_once", [1, PLENTY])
def test_what_is_no_chunk_is_refused(sent: bytes, at_once: int) -> None:
    with pytest.raises(BadChunk):
        decoded(sent, at_once)


def test_the_chunks_of_a_large_body_may_not_be_tiny() -> None:
    tiny = b"1\r\nx\r\n"
    # Each has five bytes around it.
    most = FREE_OVERHEAD // 5
    assert decoded(tiny * most + b"0\r\n\r\n")[0] == b"x" * most
    with pytest.raises(BadChunk, match="too small"):
        decoded(tiny * (most + FREE_OVERHEAD) + b"0\r\n\r\n")


def test_no_more_is_decoded_than_allowed() -> None:
    chunks, body = ChunkedBody(), io.BytesIO()
    received = bytearray(b"A\r\n0123456789\r\n0\r\n\r\n")
    chunks.decode(received, body, 4)
    assert (body.getvalue(), received, chunks.whole) == (b"0123", b"456789\r\n0\r\n\r\n", False)
    chunks.decode(received, body, 10)
    assert (body.getvalue(), received, chunks.whole) == (b"0123456789", b"", True)


@pytest.mark.parametrize("size", [0, 5, 64 * 1024, 64 * 1024 + 1, 500_000])
@pytest.mark.parametrize("key", ["a", None])
def test_chunked_bodies_of_every_size_arrive_whole(port: int, size: int, key: str | None) -> None:
    body = os.urandom(size)
    pieces = (body[start : start + 10_000] for start in range(0, size, 10_000))
    assert ask(port, "/digest", pieces, key)[:2] == (200, hashlib.sha256(body).hexdigest().encode())


def test_the_next_request_follows_a_chunked_one(port: int) -> None:
    answers = raw(port, CHUNKED + b"\r\n" + HELLO + CHUNKED + b"Connection: close\r\n\r\n" + HELLO)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == answers.count(DIGEST) == 2


def test_who_waits_to_be_asked_for_the_chunks_is_asked_once(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(CHUNKED + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        body = bytes(150_000)
        connection.sendall(b"249F0\r\n" + body + b"\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(hashlib.sha256(body).hexdigest().encode())


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: identity\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n", b"501"),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", b"501"),
        (HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", b"501"),
        (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n", b"501"),
        (HEAD + b"Transfer-Encoding : chunked\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n", b"400"),
        (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n", b"400"),
    ],
)
def test_other_codings_and_two_lengths_are_refused(port: int, head: bytes, status: bytes) -> None:
    answer = raw(port, head + HELLO + b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nConnection: close\r\n" in answer
    # What follows is not taken for a second request.
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_bad_chunk_is_refused_in_json_and_ends_the_connection(port: int) -> None:
    answer = raw(port, CHUNKED + b"\r\nfive\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    assert b'"message": "the request\'s body: the size of a chunk is malformed"' in body
    assert answer.count(b"HTTP/1.1 ") == 1


def test_the_application_refuses_a_chunked_body_while_it_arrives(port: int) -> None:
    for path, status in (("/refuses", b"401"), ("/least", b"413")):
        # The chunk is not ended: the refusal does not wait for the rest of the body.
        unended = b"F000000\r\n" + bytes(300_000)
        answer = raw(port, CHUNKED.replace(b"/digest", path.encode()) + b"\r\n" + unended)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b"\r\nConnection: close\r\n" in answer
    assert ask(port, "/least", [bytes(190_000)])[:2] == (200, b"190000")


def test_a_caller_has_half_of_the_room_for_chunked_bodies_too(port: int) -> None:
    status, body, closes = ask(port, "/digest", [bytes(100_000)] * 11, key="greedy")
    assert (status, closes) == (503, "close")
    assert b'"code": "overloaded"' in body
    with socket.create_connection(("127.0.0.1", port)) as held:
        held.sendall(CHUNKED + b"Authorization: Bearer greedy\r\n\r\n" + b"80000\r\n" + bytes(500_000))
        time.sleep(0.3)
        assert ask(port, "/digest", [bytes(400_000)] * 2, key="greedy")[0] == 503
        assert ask(port, "/digest", [bytes(500_000)], key="modest")[0] == 200
    time.sleep(0.3)
    assert ask(port, "/digest", [bytes(500_000)], key="greedy")[0] == 200
