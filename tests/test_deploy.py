"""The proxies' configurations: Debian's nginx serves through the one that is shipped."""

import contextlib
import getpass
import hashlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.xcloud.server.serving import served

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
needs_nginx = pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here: apt-get install nginx-light")
needs_caddy = pytest.mark.skipif(not shutil.which("caddy"), reason="no Caddy here: apt-get install caddy")


class Seen(BaseHTTPRequestHandler):
    """Stands for XCloud: remembers what it was asked, and answers it back."""

    protocol_version = "HTTP/1.1"
    requests: list[tuple[str, dict[str, str], int]] = []

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.requests.append((self.path, dict(self.headers.items()), len(body)))
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"here")

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        pass


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def behind() -> Iterator[int]:
    """The port of what is served through nginx."""
    Seen.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Seen) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def nginx(behind: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with nginx_before(behind, tmp_path_factory.mktemp("nginx")) as port:
        yield port


@pytest.fixture
def chunks_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx before our own server."""
    with (
        served(tmp_path_factory.mktemp("var")) as behind,
        nginx_before(behind, tmp_path_factory.mktemp("nginx")) as port,
    ):
        yield port


@contextlib.contextmanager
def nginx_before(behind: int, folder: Path) -> Iterator[int]:
    """The shipped file with this machine's ports, a certificate of its own and folders that it may write; its port."""
    request = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=faces.example.org"
    files = ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    subprocess.run(["openssl", *request.split(), *files], check=True, capture_output=True)  # noqa: S607
    plain, secure = free_port(), free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    for shipped, here in (
        ("127.0.0.1:8000", f"127.0.0.1:{behind}"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"),
        ("/etc/xcloud/tls", str(folder)),
        ("www-data", getpass.getuser()),
        ("/run/nginx-xcloud.pid", str(folder / "pid")),
        ("access_log off;", f"access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"),
    ):
        assert text.count(shipped) >= 1, shipped
        text = text.replace(shipped, here)
    (folder / "nginx.conf").write_text(text)
    command = ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", secure)).close()
                break
            time.sleep(0.05)
        yield secure
        process.terminate()


def ask(port: int, method: str, path: str, body: bytes | Iterator[bytes] = b"", **headers: str) -> tuple[int, bytes]:
    trusting = ssl._create_unverified_context()  # noqa: S323 -- a certificate of the test's own
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=20)
    with contextlib.closing(connection):
        chunked = "Transfer-Encoding" in headers
        connection.request(method, path, body, {"Host": "faces.example.org", **headers}, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.read()


@needs_nginx
def test_a_request_arrives_whole_with_its_true_address_and_scheme(nginx: int) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Authorization": "Bearer k"}
    assert ask(nginx, "POST", "/api/v1/analyses", bytes(1_000_000), **forged) == (200, b"here")
    path, headers, length = Seen.requests[-1]
    assert (path, length) == ("/api/v1/analyses", 1_000_000)
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "https"
    assert (headers["Host"], headers["Authorization"]) == ("faces.example.org", "Bearer k")


@needs_nginx
@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/api/v1/analyses", 15 * 2**20, 413),
        ("/login/", 65 * 2**10, 413),
        ("/api/v1/jobs", 20 * 2**20, 200),
    ],
)
def test_bodies_have_the_limits_of_their_addresses(nginx: int, path: str, length: int, status: int) -> None:
    answered, body = ask(nginx, "POST", path, bytes(length))
    assert answered == status
    assert status == 200 or b'"image_too_large"' in body


@needs_nginx
def test_half_an_upload_does_not_reach_the_server(nginx: int) -> None:
    before = len(Seen.requests)
    trusting = ssl._create_unverified_context()  # noqa: S323
    with (
        socket.create_connection(("127.0.0.1", nginx)) as plain,
        trusting.wrap_socket(plain, server_hostname="faces.example.org") as connection,
    ):
        head = b"POST /api/v1/analyses HTTP/1.1\r\nHost: faces.example.org\r\nContent-Length: 1000\r\n\r\nhalf"
        connection.sendall(head)
        time.sleep(0.3)
        assert len(Seen.requests) == before


@needs_nginx
def test_chunks_pass_through_nginx(chunks_behind: int) -> None:
    body = os.urandom(300_000)
    digest = hashlib.sha256(body).hexdigest().encode()
    # What nginx buffers comes with a length, and archives in the chunks that nginx makes.
    for path in ("/digest", "/api/v1/jobs"):
        pieces = (body[start : start + 7000] for start in range(0, len(body), 7000))
        assert ask(chunks_behind, "POST", path, pieces, **{"Transfer-Encoding": "chunked"}) == (200, digest)
    pieces = (bytes(2**20) for _ in range(16))
    assert ask(chunks_behind, "POST", "/digest", pieces, **{"Transfer-Encoding": "chunked"})[0] == 413


@needs_nginx
def test_probes_and_metrics_are_not_for_everyone(nginx: int) -> None:
    assert [ask(nginx, "GET", path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [404] * 3


@needs_nginx
def test_an_address_has_so_many_log_ins(nginx: int) -> None:
    codes = [ask(nginx, "POST", "/login/", b"a=1")[0] for _ in range(14)]
    assert codes[:10] == [200] * 10
    assert codes[-1] == 429
    assert b'"rate_limited"' in ask(nginx, "POST", "/login/", b"a=1")[1]


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_both_leave_room_for_the_largest_requests_and_send_the_address(name: str) -> None:
    text = (DEPLOY / name).read_text()
    assert re.search(r"2049(m|MiB)", text)
    assert re.search(r"14(m|MiB)", text)
    assert "X-Forwarded-For" in text
    assert "127.0.0.1:8000" in text


@needs_caddy
def test_caddy_understands_its_file(tmp_path: Path) -> None:
    shipped = (DEPLOY / "Caddyfile").read_text()
    # Debian's Caddy, 2.6, is older than these two.
    (tmp_path / "Caddyfile").write_text(re.sub(r"(request|response)_buffers \d+MiB", "", shipped))
    command = ["caddy", "validate", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
