"""Counts what someone does in a minute, in the cache: this process's memory, or Redis for several processes."""

import ipaddress
import time
from typing import Final

from django.core.cache import cache

WINDOW_S: Final = 60


def count_this_minute(who: str) -> int:
    """How often ``who`` came in this whole minute, with this time: one atomic step."""
    counter = f"rate:{who}:{int(time.time()) // WINDOW_S}"
    cache.add(counter, 0, timeout=2 * WINDOW_S)
    return int(cache.incr(counter))


def seconds_left() -> int:
    """Until the next minute, in which counting begins anew."""
    return WINDOW_S - int(time.time()) % WINDOW_S


def household(address: str) -> str:
    """What one subscriber has: an IPv4 address, or the 2⁶⁴ addresses of an IPv6 network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
