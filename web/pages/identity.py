"""The pages about who is who: two photos compared, and collections of people who are found in photos."""

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from cv.choices import AuditAction
from cv.engine.odds import DEFAULT_RATE, FALSE_MATCH_RATES
from cv.models import Collection
from cv.selectors import analyses_of, collections_of, enrolled_subjects
from cv.services import audit_note
from web.pages.base import Page, caller_of, page
from web.pages.search import page_number

PEOPLE_A_PAGE: Final = 50


def identity_page(view: Page[Any]) -> Page[Any]:
    """A page that is there only if the operator has turned identity on."""

    @page
    def guarded(request: HttpRequest, /, **kwargs: Any) -> Any:
        if not settings.XCLOUD_IDENTITY:
            raise Http404
        return view(request, **kwargs)

    return guarded


def basis() -> dict[str, Any]:
    """What the operator says about comparing faces, and the largest photo."""
    return {
        "purpose": settings.XCLOUD_IDENTITY_PURPOSE,
        "legal_basis": settings.XCLOUD_IDENTITY_LEGAL_BASIS,
        "max_bytes": settings.MAX_IMAGE_BYTES,
    }


@identity_page
def who(request: HttpRequest) -> HttpResponse:
    """Whether two photos show the same person, with the operator's purpose and legal basis."""
    rates = [(rate, round(1 / rate), rate == DEFAULT_RATE) for rate in FALSE_MATCH_RATES]
    return render(request, "who.html", {**basis(), "rates": rates})


@identity_page
def people(request: HttpRequest) -> HttpResponse:
    """The visitor's collections, and a form for a new one; with ``?analysis=ID``, to look for its faces in one."""
    rows = list(collections_of(caller_of(request)))
    analysis = request.GET.get("analysis", "")
    if analysis and len(rows) == 1:
        return HttpResponseRedirect(f"{reverse('collection-page', args=[rows[0].pk])}?analysis={analysis}")
    return render(request, "people.html", {**basis(), "collections": rows, "analysis": analysis})


@identity_page
def collection(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """One collection: enrolment, who is in a photo, and its people; ``?analysis=ID`` searches a kept picture."""
    row = own_collection(request, collection_id)
    context = {**basis(), **people_of(request, row), "analysis": kept_analysis(request)}
    return render(request, "collection.html", context)


@identity_page
def collection_people(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """The people of a collection as a part of a page, with which the page updates itself."""
    return render(request, "parts/people.html", people_of(request, own_collection(request, collection_id)))


def own_collection(request: HttpRequest, collection_id: UUID) -> Collection:
    """The visitor's collection. Raises Http404 if it does not exist or belongs to someone else."""
    return get_object_or_404(collections_of(caller_of(request)), pk=collection_id)


def people_of(request: HttpRequest, row: Collection) -> dict[str, Any]:
    """A page of the collection's people by name; ``?name=`` keeps those whose name contains it."""
    rows, name = enrolled_subjects(row), request.GET.get("name", "").strip()
    if name:
        rows = rows.filter(subject__icontains=name)
    number = page_number(request.GET.get("page", ""))
    start = (number - 1) * PEOPLE_A_PAGE
    found = list(rows[start : start + PEOPLE_A_PAGE + 1])
    audit_note(caller_of(request), AuditAction.COLLECTION_READ, [row.pk])
    return {
        "collection": row,
        "people": found[:PEOPLE_A_PAGE],
        "name": name,
        "before": number - 1 if number > 1 else None,
        "after": number + 1 if len(found) > PEOPLE_A_PAGE else None,
        "searchable": row.subject_count > PEOPLE_A_PAGE,  # type: ignore[attr-defined]
    }


def kept_analysis(request: HttpRequest) -> UUID | None:
    """The visitor's analysis that ``?analysis=`` names, if its picture is kept."""
    try:
        wanted = UUID(request.GET.get("analysis", ""))
    except ValueError:
        return None
    return wanted if analyses_of(caller_of(request)).filter(pk=wanted).exclude(picture="").exists() else None
