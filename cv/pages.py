"""The browser's pages. They only frame: everything shown comes from the JSON API, with the visitor's session."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from cv.caller import Caller
from cv.selectors import analyses_of

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]

# Stricter than the site's: these pages have no inline style or script. blob: is the visitor's own photo before upload.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def page(view: Page[P]) -> Page[P]:
    """For people who are logged in, and under the strict content security policy."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Content-Security-Policy"] = CSP
        return response

    return require_safe(login_required(guarded))


@page
def upload(request: HttpRequest) -> HttpResponse:
    """Choose a photo, see it described, see the last analyses."""
    return render(request, "upload.html", {"max_bytes": settings.MAX_IMAGE_BYTES})


@page
def result(request: HttpRequest, analysis_id: UUID) -> HttpResponse:
    """One stored analysis of this visitor."""
    caller = Caller(user=cast(User, request.user))
    return render(request, "result.html", {"analysis": get_object_or_404(analyses_of(caller), pk=analysis_id)})
