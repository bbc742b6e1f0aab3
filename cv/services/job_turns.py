"""The order in which workers claim from jobs.

The highest priority comes first; within a priority the caller that has waited longest since its last claim, and of
that caller the job that has.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from cv.choices import JobSource, JobState
from cv.models import ApiKey, Job, JobItem

WORKABLE: Final = (JobState.PENDING, JobState.RUNNING)
# How many jobs of one caller and state are tried. A job is skipped if other workers have just taken its items.
LOOKED_AT: Final = 20


def workable_jobs(now: datetime) -> QuerySet[Job]:
    """Jobs with an item that a worker may claim now."""
    due = JobItem.objects.filter(job=OuterRef("pk"), due_at__lte=now)
    return Job.objects.filter(Exists(due), state__in=WORKABLE).exclude(source=JobSource.LOCAL)


def jobs_in_turn(now: datetime, room_for: Callable[[str], int]) -> Iterator[tuple[uuid.UUID, int]]:
    """Jobs in order, each with how many of its items there is room for (see ``items_claim``), at least one.

    Reads only the next few jobs from an index, so the cost does not grow with the number of waiting jobs.
    """
    priority = _next_priority(now)
    while priority is not None:
        for account, theirs in _callers_in_turn(now, priority):
            if (room := room_for(account)) <= 0:
                continue
            # Pending jobs were never claimed, so they come before running ones.
            for state in WORKABLE:
                jobs = workable_jobs(now).filter(theirs, state=state, priority=priority)
                for pk in jobs.order_by("claimed_at", "created_at").values_list("pk", flat=True)[:LOOKED_AT]:
                    yield pk, room
        priority = _next_priority(now, below=priority)


def _next_priority(now: datetime, below: int | None = None) -> int | None:
    """The highest priority of the workable jobs, lower than ``below`` if given; None if there is no job."""
    jobs = workable_jobs(now) if below is None else workable_jobs(now).filter(priority__lt=below)
    highest = (
        jobs.filter(state=state).order_by("-priority").values_list("priority", flat=True).first() for state in WORKABLE
    )
    return max((priority for priority in highest if priority is not None), default=None)


def _callers_in_turn(now: datetime, priority: int) -> list[tuple[str, Q]]:
    """Callers with workable jobs of this priority, each with a condition for its jobs, the longest unserved first.

    Claims of jobs that have ended count, too. Callers that were never served come in the order of their oldest jobs.
    """
    never = datetime.min.replace(tzinfo=now.tzinfo)
    found: list[tuple[datetime, datetime, str, Q]] = []
    users, keys = get_user_model()._default_manager.all(), ApiKey.objects.all()
    for kind, callers, jobs_of in (("user", users, _jobs_of_user), ("key", keys, _jobs_of_key)):
        theirs = jobs_of(OuterRef("pk"))
        waiting = [workable_jobs(now).filter(theirs, state=state, priority=priority) for state in WORKABLE]
        served = Job.objects.filter(theirs, claimed_at__isnull=False).order_by("-claimed_at").values("claimed_at")[:1]
        oldest = waiting[0].order_by("claimed_at", "created_at").values("created_at")[:1]
        rows = callers.filter(Exists(waiting[0]) | Exists(waiting[1])).order_by("pk")
        for pk, moment, since in rows.values_list("pk", Subquery(served), Subquery(oldest)):
            found.append((moment or never, since or now, f"{kind}:{pk}", jobs_of(pk)))
    return [(account, theirs) for _, _, account, theirs in sorted(found, key=lambda row: row[:3])]


def _jobs_of_user(pk: int | OuterRef) -> Q:
    """A user is one caller, even with several keys."""
    return Q(owner=pk)


def _jobs_of_key(pk: int | OuterRef) -> Q:
    return Q(owner__isnull=True, api_key=pk)
