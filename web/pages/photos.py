"""The pages of photos: upload, result, gallery and comparison."""

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from cv.choices import AuditAction
from cv.models import Analysis
from cv.selectors import AnalysisFilter, analyses_of
from cv.services import audit_note
from web.pages.base import caller_of, page
from web.pages.search import GallerySearch, gallery_page

LATEST = 12


@page
def upload(request: HttpRequest) -> HttpResponse:
    """Choose photos, see their results, see the last analyses."""
    context = {
        "max_bytes": settings.MAX_IMAGE_BYTES,
        "megapixels": settings.XCLOUD_ENGINE.limits.max_pixels // 1_000_000,
        "url_input": settings.XCLOUD_URL_INPUT,
    }
    return render(request, "upload.html", context)


@page
def latest(request: HttpRequest) -> HttpResponse:
    """The last analyses as a part of a page, which the start page inserts."""
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
    rows = analyses_of(caller, search.wanted() if valid else AnalysisFilter()).order_by(*search.order_columns())
    found = gallery_page(rows, request.GET.get("page", ""))
    audit_note(caller, AuditAction.ANALYSIS_LIST, [row.pk for row in found.rows])
    query = request.GET.copy()
    query.pop("page", None)
    active = []
    for name, label, value in search.active():
        without = query.copy()
        without.pop(name)
        active.append((label, value, without.urlencode()))
    context = {
        "search": search,
        "found": found,
        "rows": found.rows,
        "query": query.urlencode(),
        "active": active,
        "searched": any(value for name, value in query.items() if name not in ("zone", "order")),
    }
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


def own_analysis(request: HttpRequest, analysis_id: UUID) -> Analysis:
    """The visitor's analysis. Raises Http404 if it does not exist or belongs to someone else."""
    return get_object_or_404(analyses_of(caller_of(request)), pk=analysis_id)
