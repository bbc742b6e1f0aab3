"""What a log-in is told that was tried too often."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """The same for a name that exists and one that does not."""
    wait = int(settings.AXES_COOLOFF_TIME.total_seconds())
    text = f"Too many wrong passwords. Try again in {wait // 60} minutes.\n"
    return HttpResponse(text, status=429, content_type="text/plain; charset=utf-8", headers={"Retry-After": str(wait)})
