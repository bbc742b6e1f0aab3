"""Who asks, where a proxy asks for them."""

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

    Behind a proxy (XCLOUD_HTTPS) the last one in X-Forwarded-For: that proxy wrote it; those before it are the client's
    word. Else, and where that is no address, whoever opened the connection.
    """
    if not settings.HTTPS:
        return connected
    named = forwarded.rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(named))
    except ValueError:
        return connected
