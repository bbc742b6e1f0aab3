"""The browser's pages. Faces come from the JSON API with the visitor's session; the pages frame them."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from cv.abstention import limit_of
from cv.caller import Caller
from cv.cards import card_file, card_html, crossed_groups, written_card
from cv.choices import AuditAction
from cv.engine.errors import EngineError
from cv.engine.labels import Attribute
from cv.gallery import GallerySearch, gallery_page
from cv.models import Analysis
from cv.selectors import AnalysisFilter, analyses_of
from cv.services import audit_note
from cv.serving import served_engine

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

# Stricter than the site's: these pages have no inline style or script. blob: is the visitor's own photo before upload.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
LATEST = 12


def page(view: Page[P]) -> Page[P]:
    """For people who are logged in, and under the strict content security policy."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Content-Security-Policy"] = CSP
        return response

    return require_safe(login_required(guarded))


def caller_of(request: HttpRequest) -> Caller:
    return Caller(user=cast(User, request.user))


@page
def upload(request: HttpRequest) -> HttpResponse:
    """Choose photos, see them described, see the last analyses."""
    return render(request, "upload.html", {"max_bytes": settings.MAX_IMAGE_BYTES})


@page
def latest(request: HttpRequest) -> HttpResponse:
    """The last analyses as a part of a page, for the start page to put in."""
    caller = caller_of(request)
    rows = list(analyses_of(caller)[:LATEST])
    audit_note(caller, AuditAction.ANALYSIS_LIST, [row.pk for row in rows])
    return render(request, "parts/analyses.html", {"rows": rows, "part": True})


@page
def gallery(request: HttpRequest) -> HttpResponse:
    """The visitor's earlier analyses: searched, a page at a time."""
    search = GallerySearch(request.GET)
    valid = search.is_valid()
    caller = caller_of(request)
    rows = analyses_of(caller, search.wanted() if valid else AnalysisFilter())
    found = gallery_page(rows, request.GET.get("page", ""))
    audit_note(caller, AuditAction.ANALYSIS_LIST, [row.pk for row in found.rows])
    query = request.GET.copy()
    query.pop("page", None)
    searched = any(value for name, value in query.items() if name != "zone")
    context = {"search": search, "found": found, "rows": found.rows, "query": query.urlencode(), "searched": searched}
    return render(request, "gallery.html", context)


@page
def result(request: HttpRequest, analysis_id: UUID) -> HttpResponse:
    """One stored analysis of this visitor."""
    return render(request, "result.html", {"analysis": own_analysis(request, analysis_id)})


@page
def compare(request: HttpRequest) -> HttpResponse:
    """Two stored analyses of this visitor, side by side."""
    try:
        wanted = [UUID(text) for text in request.GET.getlist("id")]
    except ValueError:
        raise Http404 from None
    pair = [own_analysis(request, analysis_id) for analysis_id in wanted[:2]]
    return render(request, "compare.html", {"pair": pair, "enough": len(wanted) == 2})


@page
def model(request: HttpRequest, name: str) -> HttpResponse:
    """What the model in service is, what it was trained on, and how often it is right."""
    try:
        card = served_engine().card
    except EngineError:
        return render(request, "model.html", {"name": name}, status=503)
    if card.name != name:
        raise Http404
    written = written_card(card)
    context = {
        "name": name,
        "card": card,
        "share": round(card.interval_coverage * 100),
        "limits": {attribute.value: limit_of(attribute) for attribute in Attribute},
        "groups": crossed_groups(written),
        "text": card_html(written.markdown) if written.markdown else None,
    }
    return render(request, "model.html", context)


@page
def model_file(request: HttpRequest, name: str, file_name: str) -> HttpResponse:
    """A chart of the model's card."""
    return card_file(name, file_name)


def own_analysis(request: HttpRequest, analysis_id: UUID) -> Analysis:
    """The visitor's; another's is as absent as none. Raises Http404."""
    return get_object_or_404(analyses_of(caller_of(request)), pk=analysis_id)
