"""The page that compares two photos."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from cv.engine.odds import DEFAULT_RATE, FALSE_MATCH_RATES
from web.pages.base import page


@page
def who(request: HttpRequest) -> HttpResponse:
    """Whether two photos show the same person, with the operator's purpose and legal basis."""
    if not settings.XCLOUD_IDENTITY:
        raise Http404
    context = {
        "purpose": settings.XCLOUD_IDENTITY_PURPOSE,
        "legal_basis": settings.XCLOUD_IDENTITY_LEGAL_BASIS,
        "rates": [(rate, round(1 / rate), rate == DEFAULT_RATE) for rate in FALSE_MATCH_RATES],
        "max_bytes": settings.MAX_IMAGE_BYTES,
    }
    return render(request, "who.html", context)
