"""Fetches an image from a URL that a client named, but never from private networks."""

import http.client
from http import HTTPStatus
from urllib.parse import quote_from_bytes, urljoin

from django.conf import settings

from cv.engine.errors import ImageTooLarge
from cv.outbound.addresses import FetchError, UrlFetchFailed, UrlForbidden, check_url, is_allowed_host
from cv.outbound.http import Deadline, open_response, read_up_to

__all__ = ["FetchError", "UrlFetchFailed", "UrlForbidden", "fetch_image"]

# For the whole fetch: every lookup, every redirect, every byte.
DEADLINE_S = 15.0
MAX_REDIRECTS = 3
REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "XCloud/1", "Connection": "close"}


def fetch_image(url: str, max_bytes: int, caller: str = "server") -> bytes:
    """Fetches the bytes at ``url``; name lookups count towards the share of ``caller``.

    Raises UrlForbidden, UrlFetchFailed, ImageTooLarge.
    """
    deadline = Deadline(DEADLINE_S)
    for _ in range(1 + MAX_REDIRECTS):
        found = _fetch_once(url, max_bytes, deadline, caller)
        if isinstance(found, bytes):
            return found
        url = found
    raise UrlFetchFailed(f"the URL redirects more than {MAX_REDIRECTS} times")


def _fetch_once(url: str, max_bytes: int, deadline: Deadline, caller: str) -> bytes | str:
    """Makes one request; returns the body, or the URL of a redirect, which is checked like the first URL."""
    parts, port = check_url(url)
    if not is_allowed_host(parts.hostname or ""):
        raise UrlForbidden("the host is not one of this server's allowed hosts")
    if port not in settings.XCLOUD_URL_PORTS:
        raise UrlForbidden(f"port {port} is not allowed")
    with open_response("GET", parts, port, deadline, HEADERS, caller) as response:
        if response.status in REDIRECTS:
            return _redirect_target(url, response)
        if response.status != HTTPStatus.OK:
            raise UrlFetchFailed(f"the server answered {response.status}")
        data = read_up_to(response, max_bytes, deadline)
    if data is None:
        raise ImageTooLarge(f"the file has more than {max_bytes:,} bytes")
    return data


def _redirect_target(url: str, response: http.client.HTTPResponse) -> str:
    """The target of a redirect. Raw UTF-8, other raw bytes and spaces are handled as browsers and curl do."""
    location = response.getheader("Location")
    if not location:
        raise UrlFetchFailed(f"the server answered {response.status} without a Location header")
    # http.client reads headers as Latin-1.
    raw = location.encode("latin-1").replace(b" ", b"%20")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = quote_from_bytes(raw, safe=bytes(range(0x21, 0x7F)))
    return urljoin(url, text)
