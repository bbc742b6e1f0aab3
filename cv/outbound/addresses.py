"""Decides which hosts the server may connect to for a client: only those whose addresses are public."""

import concurrent.futures
import ipaddress
import re
import socket
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from cv.serving.shares import Shares

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL = 2048
# Characters that no URL needs and that parsers read differently: spaces, controls, backslashes.
SUSPICIOUS = re.compile(r"[\x00-\x20\x7f\\]")
# The only part of IPv6 that is assigned as public (RFC 4291, IANA). Addresses outside embed an IPv4 address (NAT64,
# IPv4-compatible) or are local.
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Networks that Python's ``is_global`` takes for public: special-purpose addresses, and IPv6 forms that embed an IPv4
# address, which may be private.
NOT_PUBLIC: Sequence[Network] = [
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's metadata server
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "2001::/23",  # Teredo and other protocol assignments (RFC 2928)
        "2002::/16",  # 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
]
# Interface identifiers of ISATAP (RFC 5214), which are followed by an IPv4 address.
ISATAP = (0x00005EFE, 0x02005EFE)

# Lookups in parallel. A lookup cannot be cancelled: with a slow name server it takes half a minute, longer than its
# caller waits, and counts towards the caller's share until then.
LOOK_UPS = 64
_resolvers = concurrent.futures.ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="resolve")
_look_ups = Shares(LOOK_UPS)


class FetchError(Exception):
    """A URL was refused or could not be fetched. ``code`` is stable and part of the public API."""

    code = "url_fetch_failed"


class UrlForbidden(FetchError):
    """The URL is not allowed: URL input is off, or its scheme, port or host is not permitted."""

    code = "url_forbidden"


class UrlFetchFailed(FetchError):
    """The server gave no usable answer: a time-out, an error status or a broken transfer."""

    code = "url_fetch_failed"


def check_url(url: str) -> tuple[SplitResult, int]:
    """Splits an http(s) URL; gives its parts and its port. Raises UrlForbidden."""
    if len(url) > MAX_URL or SUSPICIOUS.search(url):
        raise UrlForbidden("not a valid URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlForbidden("not a valid URL") from None
    if parts.scheme not in ("http", "https"):
        raise UrlForbidden("the URL must start with http:// or https://")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise UrlForbidden("the URL must have a host and no user name")
    if "%" in parts.hostname or port == 0:
        raise UrlForbidden("not a valid URL")
    return parts, port or (443 if parts.scheme == "https" else 80)


def resolve_public(host: str, port: int, timeout_s: float, caller: str) -> list[Address]:
    """Resolves the host. All its addresses must be public, because an attacker's name may have public and private ones.

    Raises UrlForbidden, UrlFetchFailed.
    """
    if not _look_ups.take(caller):
        raise UrlFetchFailed("too many names are being looked up; try again")
    looking = _resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    looking.add_done_callback(lambda _: _look_ups.give_back(caller))
    try:
        # getaddrinfo has no time-out of its own.
        found = looking.result(timeout=timeout_s)
    except (OSError, UnicodeError):
        raise UrlFetchFailed("the host's name could not be resolved") from None
    except concurrent.futures.TimeoutError:
        looking.cancel()
        raise UrlFetchFailed("the host's name could not be resolved in time") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(map(is_permitted, addresses)):
        raise UrlForbidden("the host is not on the public internet")
    return addresses


def is_permitted(address: Address) -> bool:
    """Whether the address is public, or in a network that the operator allowed."""
    networks: Sequence[Network] = settings.XCLOUD_PRIVATE_NETWORKS
    return is_public(address) or any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether the address is public unicast; of an IPv6 address that embeds an IPv4 address, the latter counts."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in GLOBAL_UNICAST or (int(address) >> 32) & 0xFFFFFFFF in ISATAP:
            return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


def is_allowed_host(host: str) -> bool:
    """Whether the allow-list has the host, by name or as ``*.parent``; an empty list allows every host."""
    allowed: Sequence[str] = settings.XCLOUD_URL_ALLOWED_HOSTS
    host = host.lower().rstrip(".")
    return not allowed or any(
        host.endswith(entry[1:]) if entry.startswith("*.") else host == entry for entry in allowed
    )
