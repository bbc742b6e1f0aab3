"""Images at an address: fetched only where that is on, and only from the public internet."""

import base64
import http.server
import ipaddress
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from cv import fetch
from cv.engine.errors import ImageTooLarge
from cv.fetch import UrlFetchFailed, UrlForbidden, fetch_image, is_public
from cv.models import Analysis


class Site(http.server.BaseHTTPRequestHandler):
    """Answers by path: a picture, a redirect, a status, a body that breaks off."""

    picture = b""

    def do_GET(self) -> None:
        match self.path:
            case "/photo.jpg?size=1":
                self.answer(200, self.picture)
            case "/moved":
                self.answer(302, b"", Location="http://127.0.0.1/")
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"only this")
            case "/empty":
                self.answer(200, b"")
            case _:
                self.answer(404, b"no")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site(grace_hopper: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real server on this machine, with its address let through as if it were public."""
    Site.picture = grace_hopper
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(fetch, "is_public", lambda address: True)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_url_gives_the_same_faces_as_base64(api: APIClient, site: str, settings: Settings, grace_hopper: bytes) -> None:
    settings.XCLOUD_URL_INPUT = True
    fetched = api.post("/api/v1/analyses", {"url": f"{site}/photo.jpg?size=1"})
    sent = api.post("/api/v1/analyses", {"image": base64.b64encode(grace_hopper).decode()})
    assert fetched.status_code == 201
    assert len(fetched.json()["faces"]) == 1
    assert fetched.json()["faces"] == sent.json()["faces"]
    assert Analysis.objects.get(pk=fetched.json()["id"]).source == "url"


def test_url_that_gives_no_image_is_422(api: APIClient, site: str, settings: Settings) -> None:
    settings.XCLOUD_URL_INPUT = True
    answer = api.post("/api/v1/analyses", {"url": f"{site}/missing"})
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "code": "url_fetch_failed",
        "message": "url: the server answered 404; redirects are not followed",
        "details": {"url": ["the server answered 404; redirects are not followed"]},
    }
    assert Analysis.objects.count() == 0


def test_empty_answer_is_400(api: APIClient, site: str, settings: Settings) -> None:
    settings.XCLOUD_URL_INPUT = True
    answer = api.post("/api/v1/analyses", {"url": f"{site}/empty"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "url: the address gives an empty file")


def test_redirect_is_not_followed(site: str) -> None:
    with pytest.raises(UrlFetchFailed, match="answered 302"):
        fetch_image(f"{site}/moved", 10_000_000)


def test_broken_transfer_is_no_image(site: str) -> None:
    with pytest.raises(UrlFetchFailed):
        fetch_image(f"{site}/short", 10_000_000)


def test_more_bytes_than_the_limit_are_not_read(site: str) -> None:
    with pytest.raises(ImageTooLarge, match="more than 1,000 bytes"):
        fetch_image(f"{site}/photo.jpg?size=1", 1000)


def test_unreachable_port_is_a_failed_fetch(site: str) -> None:
    with pytest.raises(UrlFetchFailed, match="ConnectionRefusedError"):
        fetch_image("http://127.0.0.1:1/", 1000)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.jpg",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//example.org/a.jpg",
        "http://",
        "http://user:word@example.org/",
        "http://example.org:port/",
        "http://[::1",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0/",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://10.0.0.1/",
    ],
)
def test_forbidden_addresses(url: str) -> None:
    with pytest.raises((UrlForbidden, UrlFetchFailed)) as refused:
        fetch_image(url, 1000)
    # A host that this machine's resolver does not know was not asked either.
    assert refused.type is UrlForbidden or "could not be resolved" in str(refused.value)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_name_with_one_private_address_among_public_ones_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **options: found)
    with pytest.raises(UrlForbidden, match="not on the public internet"):
        fetch_image("http://example.org/", 1000)
