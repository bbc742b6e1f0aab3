"""Middleware for every request: an id, one log line, and the security headers for browsers."""

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware

from telemetry import metrics
from telemetry.logs import request_id

View = Callable[[HttpRequest], HttpResponse]

log = logging.getLogger("xcloud.requests")

# A client's id is copied to headers and logs, so only short, harmless ids are accepted.
CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# Parts of Django's routes: `<uuid:analysis_id>`, and regular expressions, which match only paths without a route.
ROUTE_PARAMETER = re.compile(r"<(?:\w+:)?(?P<name>\w+)>")
ROUTE_WITH_PATTERNS = re.compile(r"\(\?P<|[\^$]")
ID = re.compile(r"[0-9]{1,19}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})

CSP = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
# The admin's Alpine.js evaluates expressions in the markup.
ADMIN_CSP = f"{CSP}; script-src 'self' 'unsafe-inline' 'unsafe-eval'"


class RequestIdMiddleware:
    """Accepts a valid ``X-Request-ID`` or makes one, returns it, and logs the request without its query."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        current = given if CLIENT_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(current)
        start = time.perf_counter()
        try:
            response = self.get_response(request)
            seconds = time.perf_counter() - start
            response["X-Request-ID"] = current
            timing = response.headers.get("Server-Timing")
            response["Server-Timing"] = f"{timing + ', ' if timing else ''}app;dur={seconds * 1000:.1f}"
            _record_metrics(request, response, seconds)
            log.info(
                "request",
                extra={
                    "method": request.method,
                    "path": _path_without_names(request, response),
                    "status": response.status_code,
                    "milliseconds": round(seconds * 1000, 1),
                },
            )
            return response
        finally:
            request_id.reset(token)


def _path_without_names(request: HttpRequest, response: HttpResponse) -> str:
    """The route with its ids. All other parts of an address, even a mistyped one, may be a person's name."""
    found = request.resolver_match
    if found is None:
        # The path of an existing static file contains no person's name.
        return request.path if response.status_code < 400 else "(no such address)"
    if ROUTE_WITH_PATTERNS.search(found.route):
        return f"/{found.route}"

    def shown(part: re.Match[str]) -> str:
        value = str(found.kwargs.get(part["name"], ""))
        return value if ID.fullmatch(value) else part[0]

    return f"/{ROUTE_PARAMETER.sub(shown, found.route)}"


def _record_metrics(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Counts by the route; labels with ids would grow without limit."""
    route = _route_of(request)
    method = request.method if request.method in METHODS else "other"
    metrics.REQUESTS.labels(method, route, response.status_code).inc()
    metrics.REQUEST_SECONDS.labels(method, route).observe(seconds)


def _route_of(request: HttpRequest) -> str:
    """The route as in the API's description, `/api/v1/analyses/{analysis_id}`; `none` for addresses without a route."""
    found = request.resolver_match
    if found is None or ROUTE_WITH_PATTERNS.search(found.route):
        return "none"
    return "/" + ROUTE_PARAMETER.sub(r"{\g<name>}", found.route)


class ConditionalMiddleware(ConditionalGetMiddleware):
    """Adds ``ETag`` and answers 304, as Django's; and HEAD as GET, without the body."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.method != "HEAD":
            return super().__call__(request)
        request.method = "GET"
        response = super().__call__(request)
        request.method = "HEAD"
        # The headers stay, `Content-Length` too.
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = ()
        elif isinstance(response, HttpResponse):
            response.content = b""
        return response


class SecurityHeadersMiddleware:
    """Adds a content security policy and switches off browser features that no page uses."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = ADMIN_CSP if request.path.startswith("/admin/") else CSP
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), payment=(), usb=()")
        return response
