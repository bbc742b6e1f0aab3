"""How far jobs are, counted from their items."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from cv.choices import ItemState, JobState
from cv.models import Job, JobItem

# What a running job's rate is measured over.
WINDOW: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job with its items by state, images a second, and seconds that are left; None where that cannot be told."""

    job: Job
    counts: dict[str, int]
    images_per_second: float | None
    seconds_left: float | None


def status_of(job: Job) -> JobStatus:
    return statuses_of([job])[0]


def statuses_of(jobs: Iterable[Job]) -> list[JobStatus]:
    """In the order of ``jobs``, with one query for all counts and one more for each that is being worked on."""
    rows, now = list(jobs), timezone.now()
    counts: dict[UUID, dict[str, int]] = {job.pk: dict.fromkeys(ItemState.values, 0) for job in rows}
    grouped = JobItem.objects.filter(job__in=rows).order_by().values_list("job", "state").annotate(count=Count("pk"))
    for pk, state, count in grouped:
        counts[pk][state] = count
    return [_status(job, counts[job.pk], now) for job in rows]


def _status(job: Job, counts: dict[str, int], now: datetime) -> JobStatus:
    left = counts[ItemState.PENDING] + counts[ItemState.RUNNING]
    rate = _rate(job, counts, now)
    return JobStatus(job, counts, rate, left / rate if rate and left else None)


def _rate(job: Job, counts: dict[str, int], now: datetime) -> float | None:
    """Of a job that ended over all of its time, of one that is being worked on over the last minute."""
    if job.started_at is None or job.state in (JobState.PAUSED, JobState.DELETING):
        return None
    if job.finished_at is not None:
        seconds = (job.finished_at - job.started_at).total_seconds()
        closed = counts[ItemState.DONE] + counts[ItemState.FAILED]
    else:
        since = max(job.started_at, now - WINDOW)
        seconds = (now - since).total_seconds()
        closed = JobItem.objects.filter(job=job, finished_at__gt=since).count()
    return closed / seconds if closed and seconds > 0 else None
