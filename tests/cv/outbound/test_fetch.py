"""Which untrusted URLs are fetched, and which never are."""

import ipaddress
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

import pytest
from pytest_django import Settings

from cv.engine.errors import ImageTooLarge
from cv.outbound import addresses, fetch
from cv.outbound.addresses import UrlFetchFailed, UrlForbidden, is_allowed_host, is_public
from cv.outbound.fetch import fetch_image
from tests.site import Site

LIMIT = 10_000_000


def test_three_redirects_are_followed(site: Site, grace_hopper: bytes) -> None:
    assert fetch_image(f"{site.address}/hops/2", LIMIT) == grace_hopper
    assert site.seen == ["/hops/2", "/hops/1", "/hops/0", "/photo.jpg"]


def test_a_fourth_redirect_is_not(site: Site) -> None:
    with pytest.raises(UrlFetchFailed, match="redirects more than 3 times"):
        fetch_image(f"{site.address}/hops/3", LIMIT)
    assert "/photo.jpg" not in site.seen


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http:!10.0.0.1/", "not on the public internet"),
        ("http:!169.254.169.254/latest/meta-data", "not on the public internet"),
        ("http:![::1]/", "not on the public internet"),
        ("file:!/etc/passwd", "must start with"),
        ("ftp:!example.org/a.jpg", "must start with"),
        ("http:!user@example.org/", "no user name"),
        ("http:!example.org:22/", "port 22"),
    ],
)
def test_a_redirect_is_checked_like_the_first_address(site: Site, target: str, reason: str) -> None:
    with pytest.raises(UrlForbidden, match=reason):
        fetch_image(f"{site.address}/to/{target}", LIMIT)


@pytest.mark.parametrize(
    "name", ["%E7%85%A7%E7%89%87.jpg", "Gr%FC%DFe.jpg", "a%20b.jpg"], ids=["UTF-8", "Latin-1", "space"]
)
def test_a_redirect_to_raw_bytes_leads_where_curl_goes(site: Site, name: str) -> None:
    with pytest.raises(UrlFetchFailed, match="the server answered 404"):
        fetch_image(f"{site.address}/raw/{name}", LIMIT)
    assert site.seen == [f"/raw/{name}", f"/{name}"]


def test_a_redirect_to_nowhere_is_a_failed_fetch(site: Site) -> None:
    with pytest.raises(UrlFetchFailed, match="without a Location header"):
        fetch_image(f"{site.address}/nowhere", LIMIT)


def test_broken_transfer_is_no_image(site: Site) -> None:
    with pytest.raises(UrlFetchFailed):
        fetch_image(f"{site.address}/short", LIMIT)


@pytest.mark.parametrize("path", ["/photo.jpg", "/lying"], ids=["announced", "streamed"])
def test_more_bytes_than_the_limit_are_not_read(site: Site, path: str) -> None:
    with pytest.raises(ImageTooLarge, match="more than 1,000 bytes"):
        fetch_image(f"{site.address}{path}", 1000)


@pytest.mark.parametrize("path", ["/drips", "/drips-headers"])
def test_the_deadline_ends_a_server_that_never_falls_silent(
    site: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "DEADLINE_S", 0.5)
    started = time.monotonic()
    with pytest.raises(UrlFetchFailed, match=r"more than 0\.5 s"):
        fetch_image(f"{site.address}{path}", LIMIT)
    assert time.monotonic() - started < 2


def test_unreachable_port_is_a_failed_fetch(site: Site, settings: Settings) -> None:
    settings.XCLOUD_URL_PORTS = {1}
    with pytest.raises(UrlFetchFailed, match="fetched: connection refused"):
        fetch_image("http://127.0.0.1:1/", 1000)


def test_name_with_one_private_address_among_public_ones_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("8.8.8.8", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **options: found)
    with pytest.raises(UrlForbidden, match="not on the public internet"):
        fetch_image("http://example.org/", 1000)


def test_a_name_that_answers_otherwise_the_second_time_is_not_asked_again(
    site: Site, grace_hopper: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against DNS rebinding: the connection goes to the address that was checked."""
    asked: list[str] = []
    connected: list[Any] = []

    def rebinding(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.0.0.1", port))]

    def connect(address: Any, timeout: float) -> Any:
        connected.append(address)
        import socket

        plain = socket.socket()
        plain.connect(("127.0.0.1", site.port))
        return plain

    monkeypatch.setattr("cv.outbound.addresses.socket.getaddrinfo", rebinding)
    monkeypatch.setattr("cv.outbound.http.socket.create_connection", connect)
    assert fetch_image(f"http://rebinding.example:{site.port}/photo.jpg", LIMIT) == grace_hopper
    assert (asked, connected) == (["rebinding.example"], [("127.0.0.1", site.port)])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.jpg", "file:///etc/passwd", "gopher://127.0.0.1/", "//example.org/a.jpg", "http://",
        "http://user:word@example.org/", "http://example.org:port/", "http://example.org:0/", "http://[::1",
        "http://example.org\\@127.0.0.1/", "http://exa mple.org/", "http://example.org/\r\nHost: x", "javascript:1",
        "http://[fe80::1%25eth0]/", "data:image/png;base64,AAAA", "http://example.org/" + "a" * 3000,
        "http://example.org:22/", "https://example.org:6379/",
    ],
)  # fmt: skip
def test_addresses_that_are_refused_as_they_stand(url: str) -> None:
    with pytest.raises(UrlForbidden):
        fetch_image(url, 1000)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0x7f.1", "0.0.0.1", "localhost",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::5efe:a00:1]", "[2a00::5efe:a00:1]",
        "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "10.0.0.1", "172.16.0.1", "192.168.0.1",
        "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1",
        "255.255.255.255", "①②⑦.⓪.⓪.①", "127。0。0。1",
    ],
)  # fmt: skip
def test_hosts_that_are_not_public_in_every_spelling(host: str) -> None:
    with pytest.raises((UrlForbidden, UrlFetchFailed)) as refused:
        fetch_image(f"http://{host}/", 1000)
    # If this machine's resolver does not know the spelling, nothing was requested either.
    assert refused.type is UrlForbidden or "could not be resolved" in str(refused.value)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1", "192.0.2.1", "198.51.100.1", "203.0.113.1",
        "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::a00:1",
        "64:ff9b::808:808", "64:ff9b:1::1", "2002:a00:1::", "2002:808:808::", "2001:0:a00:1::", "2001:db8::1",
        "3fff::1", "fec0::1", "100::1", "2a00::5efe:a00:1", "2a00::200:5efe:a00:1", "5f00::1", "4000::1", "1::1",
        "c000::a00:1", "64:ff9a::1", "::1:0:0:a00:1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("images.example.org", True),
        ("IMAGES.example.org.", True),
        ("a.cdn.example.org", True),
        ("cdn.example.org", False),
        ("example.org", False),
        ("evilcdn.example.org", False),
        ("images.example.org.evil.example", False),
    ],
)
def test_allow_list_has_names_and_whole_parents(settings: Settings, host: str, allowed: bool) -> None:
    settings.XCLOUD_URL_ALLOWED_HOSTS = ["images.example.org", "*.cdn.example.org"]
    assert is_allowed_host(host) is allowed


def test_slow_names_of_one_caller_do_not_stop_the_look_ups_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        if host.startswith("slow"):
            done.wait(10)
        return [(0, 0, 0, "", ("192.0.2.1" if host.startswith("slow") else "93.184.216.34", port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    try:
        with ThreadPoolExecutor(addresses.LOOK_UPS) as pool:
            names = [f"slow{number}.example" for number in range(addresses.LOOK_UPS)]
            slow = [pool.submit(addresses.resolve_public, name, 80, 0.1, "greedy") for name in names]
            assert [type(each.exception()) for each in slow] == [UrlFetchFailed] * len(names)
        started = time.monotonic()
        assert addresses.resolve_public("quick.example", 80, 2.0, "modest") == [ip_address("93.184.216.34")]
        assert time.monotonic() - started < 1
        with pytest.raises(UrlFetchFailed, match="too many names"):
            addresses.resolve_public("quick.example", 80, 2.0, "greedy")
    finally:
        done.set()
