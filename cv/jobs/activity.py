"""What the workers do now: images that wait, images in work, and the jobs that are open."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Max
from django.utils import timezone

from cv.choices import ItemState, JobState
from cv.jobs.progress import JobStatus, statuses_of
from cv.models import Job, JobItem

OPEN: Final = (JobState.LISTING, JobState.PENDING, JobState.RUNNING, JobState.PAUSED)
SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Activity:
    """``in_work`` counts images whose worker is alive; ``taken_at`` is when a worker last took some of an open job."""

    open_jobs: int
    jobs: list[JobStatus]
    waiting: int
    in_work: int
    taken_at: datetime | None


def activity() -> Activity:
    """The newest open jobs, and counts of all."""
    rows = Job.objects.filter(state__in=OPEN)
    items = JobItem.objects.filter(job__in=rows.order_by().values("pk")).order_by()
    return Activity(
        open_jobs=rows.count(),
        jobs=statuses_of(rows[:SHOWN]),
        waiting=items.filter(state=ItemState.PENDING).count(),
        in_work=items.filter(state=ItemState.RUNNING, due_at__gt=timezone.now()).count(),
        taken_at=rows.order_by().aggregate(at=Max("claimed_at"))["at"],
    )
