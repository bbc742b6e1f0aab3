"""Fetches an image from an address that a client named, without becoming its way into private networks."""

import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import SplitResult, urlsplit

from cv.engine.errors import ImageTooLarge

TIMEOUT_S = 5.0
# For the whole answer: a server that sends a byte every four seconds would never run into the time-out above.
DEADLINE_S = 15.0
CHUNK = 64 * 1024
# IPv6 addresses that carry one of IPv4, which may be a private one (RFC 6052); 6to4 and Teredo are asked for below.
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchError(Exception):
    """Base of the ways an address is refused. ``code`` is stable and part of the public API."""

    code = "url_fetch_failed"


class UrlForbidden(FetchError):
    """The address may not be asked: URL input is off, another scheme, or a host that is not public."""

    code = "url_forbidden"


class UrlFetchFailed(FetchError):
    """The address was asked and gave no image: no answer, a redirect, an error status, a broken transfer."""

    code = "url_fetch_failed"


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to the address that was checked: a second look-up of the name could answer otherwise."""

    def __init__(self, url: SplitResult, port: int, address: Address) -> None:
        super().__init__(url.hostname or "", port, timeout=TIMEOUT_S)
        self._address = address
        self._tls = ssl.create_default_context() if url.scheme == "https" else None

    def connect(self) -> None:
        self.sock = socket.create_connection((str(self._address), self.port), TIMEOUT_S)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def fetch_image(url: str, max_bytes: int) -> bytes:
    """The bytes at ``url``. Raises UrlForbidden, UrlFetchFailed, ImageTooLarge."""
    parts, port = _checked(url)
    connection = _PinnedConnection(parts, port, _public_address(parts.hostname or "", port))
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("GET", target, headers={"Accept": "image/*", "User-Agent": "XCloud/1"})
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise UrlFetchFailed(f"the server answered {response.status}; redirects are not followed")
        return _read(response, max_bytes)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UrlFetchFailed(f"the address could not be fetched: {type(error).__name__}") from error
    finally:
        connection.close()


def _checked(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlForbidden("not a valid address") from None
    if parts.scheme not in ("http", "https"):
        raise UrlForbidden("only http and https addresses are fetched")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise UrlForbidden("the address must have a host and no user name")
    return parts, port or (443 if parts.scheme == "https" else 80)


def _public_address(host: str, port: int) -> Address:
    """An address of the host. All of them must be public: an attacker's name may have one of each."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UrlFetchFailed("the host's name could not be resolved") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(map(is_public, addresses)):
        raise UrlForbidden("the host is not on the public internet")
    return addresses[0]


def is_public(address: Address) -> bool:
    """True for a unicast address that everyone can reach, looking into IPv6 addresses that carry one of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address in NAT64:
            return False
    return address.is_global and not address.is_multicast


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    deadline = time.monotonic() + DEADLINE_S
    data = bytearray()
    while chunk := response.read1(CHUNK):
        data += chunk
        if len(data) > max_bytes:
            raise ImageTooLarge(f"the address gives more than {max_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise UrlFetchFailed(f"the address took more than {DEADLINE_S:.0f} s")
    if response.length:
        raise UrlFetchFailed("the transfer broke off")
    return bytes(data)
