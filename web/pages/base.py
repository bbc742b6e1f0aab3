"""The base of all pages: they need a log-in, have a strict content security policy, and are not cached."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST, require_safe

from cv.trust.caller import Caller

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

# Stricter than the site's: these pages have no inline style or script. blob: is the visitor's own photo before upload.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def page(view: Page[P]) -> Page[P]:
    """A page for logged-in people, with the strict content security policy, not cached."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Content-Security-Policy"] = CSP
        # Faces or names of people: must not stay on a browser's disk or in its history after the log-out.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return require_safe(login_required(guarded))


def action(view: Page[P]) -> Page[P]:
    """A view to which a page's script posts; Django checks the CSRF token."""
    return require_POST(login_required(view))


def caller_of(request: HttpRequest) -> Caller:
    return Caller(user=cast(User, request.user))
