"""The pages of photos: upload, result, gallery and comparison."""

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from cv.choices import AuditAction, Source
from cv.engine.errors import EngineError
from cv.engine.outputs import DEFAULT_OUTPUTS
from cv.models import Analysis, FaceChip, JobItem
from cv.selectors import AnalysisFilter, analyses_of, kept_chips, matching_faces, readable_analyses
from cv.services import audit_note
from cv.serving.engines import served_engine
from cv.trust.caller import Caller
from cv.trust.links import LINK_AGE, link_token
from web.pages.base import caller_of, page
from web.pages.search import GallerySearch, gallery_page

LATEST = 12
# Faces of an analysis that its row shows.
FACES_SHOWN = 4


@page
def upload(request: HttpRequest) -> HttpResponse:
    """Choose photos, see their results, see the last analyses."""
    caller = caller_of(request)
    context = {
        "defaults": ",".join(name for name in DEFAULT_OUTPUTS if name in caller.attributes),
        "further": further_outputs(caller),
        "max_bytes": settings.MAX_IMAGE_BYTES,
        "megapixels": settings.XCLOUD_ENGINE.limits.max_pixels // 1_000_000,
        "url_input": settings.XCLOUD_URL_INPUT,
        "chips": settings.XCLOUD_FACE_CHIPS,
    }
    return render(request, "upload.html", context)


def further_outputs(caller: Caller) -> list[str]:
    """What the caller may ask for beside the default outputs, as far as a model in service gives it."""
    try:
        given = [output.name for output in served_engine().catalog.outputs]
    except EngineError:
        return []
    return [name for name in given if name in caller.attributes and name not in DEFAULT_OUTPUTS]


@page
def latest(request: HttpRequest) -> HttpResponse:
    """The last analyses as a part of a page, which the start page inserts."""
    caller = caller_of(request)
    rows = list(analyses_of(caller)[:LATEST])
    audit_note(caller, AuditAction.ANALYSIS_LIST, [row.pk for row in rows])
    return render(request, "parts/analyses.html", {"rows": rows, "chips": kept_chips(rows, FACES_SHOWN), "part": True})


@page
def gallery(request: HttpRequest) -> HttpResponse:
    """The visitor's earlier analyses: searched, a page at a time."""
    search = GallerySearch(request.GET)
    valid = search.is_valid()
    caller = caller_of(request)
    wanted = search.wanted() if valid else AnalysisFilter()
    rows = analyses_of(caller, wanted).order_by(*search.order_columns())
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
        "chips": kept_chips(found.rows, FACES_SHOWN),
        "matching": matching_faces(found.rows, wanted),
        "query": query.urlencode(),
        "active": active,
        "searched": any(value for name, value in query.items() if name not in ("zone", "order")),
    }
    return render(request, "gallery.html", context)


@page
def result(request: HttpRequest, analysis_id: UUID) -> HttpResponse:
    """One stored analysis of this visitor, or, with ``?link=TOKEN``, one that someone shows to others."""
    caller, token = caller_of(request), request.GET.get("link", "")
    analysis = get_object_or_404(readable_analyses(caller, analysis_id, token))
    own = analysis.owner_id == request.user.pk
    if analysis.source == Source.VIDEO and own and (item := JobItem.objects.filter(analysis=analysis).first()):
        return redirect("video-page", item.job_id)
    context = {
        "analysis": analysis,
        "own": own,
        "link": link_token(analysis_id) if own else token,
        "days": LINK_AGE.days,
        "chips": FaceChip.objects.filter(face__analysis=analysis).count(),
    }
    return render(request, "result.html", context)


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
