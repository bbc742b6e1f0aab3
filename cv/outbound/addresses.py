"""Which hosts may be asked on a client's behalf: the public internet's, whatever their names resolve to."""

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
# What no address needs and what parsers read differently: spaces, controls, backslashes.
SUSPICIOUS = re.compile(r"[\x00-\x20\x7f\\]")
# The only part of IPv6 that is given out as public (RFC 4291, IANA). What lies outside carries an IPv4 address (NAT64,
# IPv4-compatible), or is local.
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Beyond what Python's ``is_global`` knows: addresses that are public by number and not by meaning, and IPv6 forms
# that carry an IPv4 address, which may be a private one.
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
# Interface identifiers of ISATAP (RFC 5214): they end in an IPv4 address.
ISATAP = (0x00005EFE, 0x02005EFE)

# Look-ups that run at once. One cannot be ended: with a slow name server it takes half a minute, long after its caller
# gave up, and meanwhile it counts for them.
LOOK_UPS = 64
_resolvers = concurrent.futures.ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="resolve")
_look_ups = Shares(LOOK_UPS)


class FetchError(Exception):
    """Base of the ways an address is refused. ``code`` is stable and part of the public API."""

    code = "url_fetch_failed"


class UrlForbidden(FetchError):
    """The address may not be asked: URL input is off, another scheme or port, or a host that is not let through."""

    code = "url_forbidden"


class UrlFetchFailed(FetchError):
    """The address was asked and gave nothing: no answer, an error status, a broken transfer."""

    code = "url_fetch_failed"


def checked_url(url: str) -> tuple[SplitResult, int]:
    """The parts of an http(s) address, and its port. Raises UrlForbidden."""
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


def public_addresses(host: str, port: int, timeout_s: float, caller: str) -> list[Address]:
    """The addresses of the host. All of them must be public: an attacker's name may have one of each.

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
    if not addresses or not all(map(may_be_asked, addresses)):
        raise UrlForbidden("the host is not on the public internet")
    return addresses


def may_be_asked(address: Address) -> bool:
    """Public, or in a network that the operator let through."""
    networks: Sequence[Network] = settings.XCLOUD_PRIVATE_NETWORKS
    return is_public(address) or any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """True for a unicast address that everyone can reach, looking into IPv6 addresses that carry one of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in GLOBAL_UNICAST or (int(address) >> 32) & 0xFFFFFFFF in ISATAP:
            return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


def is_allowed_host(host: str) -> bool:
    """Whether the allow-list has the host, by name or as ``*.parent``; an empty list has every host."""
    allowed: Sequence[str] = settings.XCLOUD_URL_ALLOWED_HOSTS
    host = host.lower().rstrip(".")
    return not allowed or any(
        host.endswith(entry[1:]) if entry.startswith("*.") else host == entry for entry in allowed
    )
