"""How many requests a minute a key or a person may send."""

import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from cv.models import ApiKey
from telemetry.proxy import client_address

if TYPE_CHECKING:
    from rest_framework.views import APIView

WINDOW_S = 60


class PerMinute(BaseThrottle):
    """Counts in whole minutes: one atomic step a request in memory or in Redis, and an exact ``Retry-After``."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        limit = limit_of(request)
        if not limit:
            return True
        counter = f"rate:{caller_name(request)}:{int(time.time()) // WINDOW_S}"
        cache.add(counter, 0, timeout=2 * WINDOW_S)
        return bool(cache.incr(counter) <= limit)

    def wait(self) -> float:
        return WINDOW_S - int(time.time()) % WINDOW_S


def limit_of(request: Request) -> int:
    """A key's own limit, or the server's; 0 is none."""
    own = request.auth.rate_per_minute if isinstance(request.auth, ApiKey) else None
    return own or settings.XCLOUD_RATE_PER_MINUTE


def caller_name(request: Request) -> str:
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    if request.user and request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{client_address(request)}"
