"""Who asks, where a proxy asks for them."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The client's IP address, for limits.

    Behind a proxy (XCLOUD_HTTPS) the last one in X-Forwarded-For: that proxy wrote it; those before it are the client's
    word. Else, and where that is no address, whoever opened the connection.
    """
    connected = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.HTTPS:
        return connected
    named = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(named))
    except ValueError:
        return connected
