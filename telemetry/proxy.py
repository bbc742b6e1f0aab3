"""Finds the client's address behind a proxy."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's IP address, for limits."""
    return forwarded_address(
        str(request.META.get("REMOTE_ADDR", "")), str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    )


def forwarded_address(connected: str, forwarded: str) -> str:
    """The client's address, given the one that opened the connection and ``X-Forwarded-For``.

    Behind a proxy (XCLOUD_HTTPS) the last address in X-Forwarded-For, which that proxy wrote; a client may invent the
    others. Without a proxy, or if that is not an address, the peer of the connection.
    """
    if not settings.HTTPS:
        return connected
    named = forwarded.rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(named))
    except ValueError:
        return connected
