"""The order in which workers claim from jobs.

The highest priority comes first; within a priority the caller that has waited longest since its last claim, and of
that caller the job that has.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from cv.choices import JobSource, JobState
from cv.models import ApiKey, Job, JobItem
from cv.trust.caller import Caller

# Jobs that have items to claim. A caller's pending jobs were never claimed, so they come before its running ones.
WORKABLE: Final = (JobState.PENDING, JobState.RUNNING)


def workable_jobs(now: datetime) -> QuerySet[Job]:
    """Jobs with an item that a worker may claim now."""
    return Job.objects.filter(_has_due_items(now), state__in=WORKABLE)


def jobs_in_turn(now: datetime, room_for: Callable[[str], int]) -> Iterator[tuple[Job, int]]:
    """Jobs in order, each with how many of its items there is room for (see ``items_claim``), at least one.

    Reads each caller's next jobs only, in two queries. If all of them are gone because other workers have just taken
    their items, it reads those that come after them.
    """
    seen: set[UUID] = set()
    while jobs := [(job, room) for job in _next_jobs(now, seen) if (room := room_for(_account_of(job))) > 0]:
        yield from jobs
        seen.update(job.pk for job, _ in jobs)


def _next_jobs(now: datetime, seen: set[UUID]) -> list[Job]:
    """The next pending and the next running job of each caller, other than those ``seen``, in order.

    A user is one caller, even with several keys; a key without a user is one, too. Claims of jobs that have ended
    count. Callers that were never served come in the order of their oldest jobs.
    """
    of_users = _heads(get_user_model()._default_manager.all(), Q(owner=OuterRef("pk")), now, seen)
    of_keys = _heads(ApiKey.objects.all(), Q(owner__isnull=True, api_key=OuterRef("pk")), now, seen)
    never = datetime.min.replace(tzinfo=now.tzinfo)
    served = {job: last or never for *heads, last in of_users.union(of_keys, all=True) for job in heads if job}
    jobs = Job.objects.select_related("owner", "api_key").filter(pk__in=served)
    return sorted(jobs, key=lambda job: (-job.priority, served[job.pk], job.state == JobState.RUNNING, job.created_at))


def _heads(callers: QuerySet[Any], theirs: Q, now: datetime, seen: set[UUID]) -> QuerySet[Any, Any]:
    """Of each caller that has unfinished jobs: the next pending and running jobs' ids, and when it was last served."""
    unseen = ~Q(pk__in=seen) if seen else Q()
    heads = [
        Subquery(
            Job.objects.filter(theirs, _has_due_items(now), unseen, state=state)
            # As in the indexes job_turn_of_owner and job_turn_of_key, so that the first is found without sorting.
            .order_by("-priority", "claimed_at", "created_at")
            .values("pk")[:1]
        )
        for state in WORKABLE
    ]
    served = Job.objects.filter(theirs, claimed_at__isnull=False).order_by("-claimed_at").values("claimed_at")[:1]
    waiting = callers.filter(Exists(Job.objects.filter(theirs, state__in=WORKABLE))).order_by()
    return waiting.values_list(*heads, Subquery(served))


def _has_due_items(now: datetime) -> Q:
    due = JobItem.objects.filter(job=OuterRef("pk"), due_at__lte=now)
    return Q(Exists(due), ~Q(source=JobSource.LOCAL))


def _account_of(job: Job) -> str:
    return Caller(job.owner, job.api_key).account
