"""The page of a video: how far it is, then its people, a timeline that plays, and stills."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from cv.choices import JobSource
from cv.jobs.progress import status_of
from cv.models import Job
from cv.selectors import jobs_of
from web.pages.base import caller_of, page


@page
def video(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One video of this visitor; its script asks the API, which audits it."""
    job: Job = get_object_or_404(jobs_of(caller_of(request)), pk=job_id, source=JobSource.VIDEO)
    return render(request, "video.html", {"job": job, "status": status_of(job)})
