"""The progress of jobs, counted from their items."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Value
from django.utils import timezone

from cv.choices import ItemState, JobSource, JobState
from cv.jobs.errors import HOPELESS, MENDABLE
from cv.jobs.inputs import KEPT_SOURCES
from cv.models import Job, JobItem

# The window for a running job's rate.
WINDOW: Final = timedelta(seconds=60)
# The key, beside the states, for items that ended within the window.
LATELY: Final = "lately"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job with its items by state, images per second, and seconds left; None if unknown."""

    job: Job
    counts: dict[str, int]
    images_per_second: float | None
    seconds_left: float | None
    # Of a video that is being read: how much is done, 0 to 1.
    begun: float = 0.0


def status_of(job: Job) -> JobStatus:
    return statuses_of([job])[0]


def statuses_of(jobs: Iterable[Job]) -> list[JobStatus]:
    """Statuses in the order of ``jobs``, with one query for all counts."""
    rows, now = list(jobs), timezone.now()
    counts: dict[UUID, dict[str, int]] = {job.pk: dict.fromkeys(ItemState.values, 0) for job in rows}
    lately: dict[UUID, int] = {}
    for pk, kind, count in _counted(rows, now):
        if kind == LATELY:
            lately[pk] = count
        else:
            counts[pk][kind] = count
    begun = _videos_begun(rows)
    return [_status(job, counts[job.pk], lately.get(job.pk, 0), begun.get(job.pk, 0.0), now) for job in rows]


def retriable_jobs(jobs: Iterable[Job]) -> set[UUID]:
    """Those with failed images that may succeed in another try: their input is kept, and it was not what was wrong."""
    failed = JobItem.objects.filter(job__in=[job.pk for job in jobs], state=ItemState.FAILED).exclude(location="")
    helped = failed.filter(~Q(job__source__in=KEPT_SOURCES) | Q(error_code__in=sorted(MENDABLE)))
    return set(helped.exclude(error_code__in=sorted(HOPELESS)).order_by().values_list("job_id", flat=True).distinct())


def _counted(rows: list[Job], now: datetime) -> Iterable[tuple[UUID, str, int]]:
    """Counts each job's items by state, and those that ended within the window. Each part uses its own index."""
    by_state = _grouped(JobItem.objects.filter(job__in=rows), F("state"))
    running = [job for job in rows if job.started_at is not None and job.finished_at is None]
    if not running:
        return by_state
    since = {"finished_at__gt": now - WINDOW, "finished_at__gte": F("job__started_at")}
    return by_state.union(_grouped(JobItem.objects.filter(job__in=running, **since), Value(LATELY)), all=True)


def _grouped(items: QuerySet[JobItem], kind: F | Value) -> QuerySet[JobItem, tuple[UUID, str, int]]:
    grouped = items.order_by().values(pk_of_job=F("job"), kind=kind)
    return grouped.annotate(count=Count("pk")).values_list("pk_of_job", "kind", "count")


def _videos_begun(rows: list[Job]) -> dict[UUID, float]:
    """How much of each video that is being read is done; no query if there is none."""
    videos = [job.pk for job in rows if job.source == JobSource.VIDEO and job.finished_at is None]
    running = JobItem.objects.filter(job__in=videos, state=ItemState.RUNNING)
    return dict(running.values_list("job_id", "progress")) if videos else {}


def _status(job: Job, counts: dict[str, int], lately: int, begun: float, now: datetime) -> JobStatus:
    left = counts[ItemState.PENDING] + counts[ItemState.RUNNING]
    rate = _rate(job, counts, lately, now)
    return JobStatus(job, counts, rate, left / rate if rate and left else None, begun)


def _rate(job: Job, counts: dict[str, int], lately: int, now: datetime) -> float | None:
    """Images per second: of an ended job over its whole time, of a running job over the window."""
    if job.started_at is None or job.state in (JobState.PAUSED, JobState.DELETING):
        return None
    if job.finished_at is not None:
        seconds = (job.finished_at - job.started_at).total_seconds()
        closed = counts[ItemState.DONE] + counts[ItemState.FAILED]
    else:
        seconds = (now - max(job.started_at, now - WINDOW)).total_seconds()
        closed = lately
    return closed / seconds if closed and seconds > 0 else None
