"""Limits the requests per minute of a key or a person."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from cv.models import ApiKey
from cv.trust.rates import WINDOW_S, count_this_minute, household, seconds_left
from telemetry.proxy import client_address

if TYPE_CHECKING:
    from rest_framework.views import APIView


class PerMinute(BaseThrottle):
    """Counts per calendar minute: one atomic step per request in memory or in Redis, and an exact ``Retry-After``."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        limit = limit_of(request)
        # A request with a large body is handled again after the body is received, and is counted then.
        if not limit or getattr(request.META.get("wsgi.input"), "awaited", False):
            return True
        count = count_this_minute(caller_name(request))
        # Every answer of the view carries these headers, errors too.
        view.rate_headers = headers_of(limit, count)  # type: ignore[attr-defined]
        return count <= limit

    def wait(self) -> float:
        return seconds_left()


def headers_of(limit: int, count: int) -> dict[str, str]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers): what is left of this minute."""
    return {
        "RateLimit-Policy": f'"minute";q={limit};w={WINDOW_S}',
        "RateLimit": f'"minute";r={max(limit - count, 0)};t={seconds_left()}',
    }


def limit_of(request: Request) -> int:
    """A key's own limit, or the server's; 0 is no limit."""
    own = request.auth.rate_per_minute if isinstance(request.auth, ApiKey) else None
    return own or settings.XCLOUD_RATE_PER_MINUTE


def caller_name(request: Request) -> str:
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    if request.user and request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{household(client_address(request))}"
