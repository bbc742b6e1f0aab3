"""The real service behind its own server: early refusals say that the connection closes."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from benchmarks.server import Server, start_server


@pytest.fixture(scope="module")
def server(empty_scene: bytes) -> Iterator[Server]:
    with start_server(empty_scene) as served:
        yield served
        served.close()


def refused(server: Server, path: str, length: int, *headers: str) -> tuple[int, str, bytes]:
    """Status, ``Connection`` and body of the answer to a form's head without its body."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *headers]
    head.append("Content-Type: multipart/form-data; boundary=x")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    start, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = start.decode().split("\r\n")
    found = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), found["Connection"], body


@pytest.mark.parametrize("path", ["/api/v1/analyses", "/api/v1/jobs", "/api/v1/detections"])
def test_who_is_not_known_is_refused_before_the_body_is_read(server: Server, path: str) -> None:
    for headers in ([], ["Authorization: Bearer xc_wrong"]):
        status, connection, body = refused(server, path, 5_000_000, *headers)
        assert (status, connection) == (401, "close")
        assert b'"unauthenticated"' in body


def test_what_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    status, connection, body = refused(server, "/api/v1/analyses", 10**10, f"Authorization: Bearer {server.key}")
    assert (status, connection) == (413, "close")
    assert b'"image_too_large"' in body


def test_there_is_room_for_the_jobs_of_all_callers_together_and_no_more(server: Server) -> None:
    key = f"Authorization: Bearer {server.key}"
    head = ["POST /api/v1/jobs HTTP/1.1", "Host: localhost", "Content-Length: 2147483648", key]
    head.append("Content-Type: multipart/form-data; boundary=x")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*head, "Expect: 100-continue", "", ""]).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        status, closing, body = refused(server, "/api/v1/jobs", 2**31, key)
        assert (status, closing) == (503, "close")
        assert b'"overloaded"' in body


@pytest.mark.parametrize("path", ["/login/", "/admin/login/", "/i18n/setlang/", "/logout/"])
def test_a_form_of_a_page_has_no_room_for_files(server: Server, path: str) -> None:
    status, connection, _ = refused(server, path, 65_537)
    assert (status, connection) == (413, "close")


def chunked(server: Server, path: str, body: bytes, end: bytes, *headers: str) -> tuple[int, str]:
    """Status and ``Connection`` of the answer to a body in chunks that ends with ``end``."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", *headers]
    pieces = [body[start : start + 50_000] for start in range(0, len(body), 50_000)]
    chunks = b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode() + chunks + end)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers["Connection"]


def test_a_chunked_photo_is_analyzed(server: Server, empty_scene: bytes) -> None:
    key = f"Authorization: Bearer {server.key}"
    form = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n%b\r\n--x--\r\n'
    kind = "Content-Type: multipart/form-data; boundary=x"
    for photo in (empty_scene, empty_scene + bytes(2_000_000)):
        assert chunked(server, "/api/v1/analyses", form % photo, b"0\r\n\r\n", key, kind) == (201, "keep-alive")


def test_a_chunked_body_is_refused_before_its_end(server: Server) -> None:
    kind = "Content-Type: multipart/form-data; boundary=x"
    begun = b"--x\r\n" + bytes(100_000)
    assert chunked(server, "/api/v1/analyses", begun, b"", kind) == (401, "close")
    assert chunked(server, "/login/", begun, b"", kind) == (413, "close")


def test_large_photos_arrive_through_both_passes(server: Server, empty_scene: bytes) -> None:
    # Any data may follow the end of a JPEG.
    assert server.analyze(empty_scene + bytes(2_000_000)) > 0
