"""The pages about jobs: the visitor's own jobs, their progress, and the results of their images."""

from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from cv.choices import AuditAction, ItemState
from cv.engine.outputs import EMBEDDING
from cv.jobs.progress import retriable_jobs, status_of, statuses_of
from cv.jobs.results import people_found, reads_people
from cv.models import Collection, Job
from cv.selectors import collections_of, jobs_of, kept_chips
from cv.services import audit_note
from cv.trust.caller import Caller
from web.pages.base import caller_of, page
from web.pages.search import page_number

JOBS_A_PAGE: Final = 20
ITEMS_A_PAGE: Final = 100


@page
def jobs(request: HttpRequest) -> HttpResponse:
    """Make a job of an archive, and see the visitor's jobs, the newest first."""
    number = page_number(request.GET.get("page", ""))
    start = (number - 1) * JOBS_A_PAGE
    found = list(jobs_of(caller_of(request))[start : start + JOBS_A_PAGE + 1])
    context = {
        "statuses": statuses_of(found[:JOBS_A_PAGE]),
        "retriable": retriable_jobs(found[:JOBS_A_PAGE]),
        "newer": number - 1 if number > 1 else None,
        "older": number + 1 if len(found) > JOBS_A_PAGE else None,
        "max_bytes": settings.XCLOUD_JOB_MAX_BYTES,
        "max_video_bytes": settings.XCLOUD_ENGINE.video.max_bytes,
        "max_items": settings.XCLOUD_JOB_MAX_ITEMS,
        "chips": settings.XCLOUD_FACE_CHIPS,
        "collections": searchable(caller_of(request)),
    }
    return render(request, "jobs.html", context)


def searchable(caller: Caller) -> list[Collection]:
    """The collections that a job of the caller can search, by name."""
    if not caller.may_compute({EMBEDDING.name}):
        return []
    rows = collections_of(caller).order_by("name", "pk")
    return [row for row in rows if row.face_count]  # type: ignore[attr-defined]


@page
def job_rows(request: HttpRequest) -> HttpResponse:
    """The named jobs as a part of a page, with which the page updates itself."""
    try:
        wanted = [UUID(text) for text in request.GET.getlist("id")[:JOBS_A_PAGE]]
    except ValueError:
        raise Http404 from None
    rows = jobs_of(caller_of(request)).filter(pk__in=wanted)
    return render(request, "parts/jobs.html", {"statuses": statuses_of(rows), "retriable": retriable_jobs(rows)})


@page
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job, with its images a page at a time; ``?state=failed`` shows only those that failed, ``?error=CODE``
    those that failed so."""
    row: Job = get_object_or_404(jobs_of(caller_of(request)), pk=job_id)
    state = request.GET.get("state", "")
    items = row.items.order_by("index")
    if state in ItemState.values:
        items = items.filter(state=state)
    error = request.GET.get("error", "")
    if error:
        items = items.filter(error_code=error)
    number = page_number(request.GET.get("page", ""))
    start = (number - 1) * ITEMS_A_PAGE
    items = items.select_related("analysis")
    people = reads_people(row, caller_of(request))
    if people:
        items = items.prefetch_related(people_found())
    found = list(items[start : start + ITEMS_A_PAGE + 1])
    audit_note(caller_of(request), AuditAction.JOB_READ, [row.pk], count=len(found[:ITEMS_A_PAGE]))
    status = status_of(row)
    context = {
        "status": status,
        "alone": [status],
        "retriable": retriable_jobs([row]),
        "items": found[:ITEMS_A_PAGE],
        "people": people,
        "searched": collections_of(caller_of(request)).filter(pk__in=[row.search_collection]).first(),
        "chips": kept_chips([item.analysis for item in found if item.analysis], most=1),
        "state": state,
        "error": error,
        "errors": row.items.exclude(error_code="")
        .values_list("error_code")
        .annotate(Count("pk"))
        .order_by("error_code"),
        "newer": number - 1 if number > 1 else None,
        "older": number + 1 if len(found) > ITEMS_A_PAGE else None,
    }
    return render(request, "job.html", context)
