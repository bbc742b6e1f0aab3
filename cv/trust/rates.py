"""Counts events per minute in the cache: this process's memory, or Redis for several processes."""

import ipaddress
import time
from typing import Final

from django.core.cache import cache

WINDOW_S: Final = 60


def count_this_minute(who: str) -> int:
    """Counts one more event of ``who`` in this minute; returns the count. Atomic."""
    counter = f"rate:{who}:{int(time.time()) // WINDOW_S}"
    cache.add(counter, 0, timeout=2 * WINDOW_S)
    return int(cache.incr(counter))


def seconds_left() -> int:
    """The seconds until the next minute, when the counts start again at 0."""
    return WINDOW_S - int(time.time()) % WINDOW_S


def household(address: str) -> str:
    """The addresses of one subscriber: an IPv4 address, or an IPv6 network of 2⁶⁴ addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
