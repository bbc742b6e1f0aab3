"""Hands items of jobs to workers and takes their results, each exactly once.

An item is claimed with a lease: a token and a moment until which nobody else takes it. What comes of it is written in
one transaction that first asks whether the lease is still the worker's; a worker that lost it writes nothing.

Whose turn it is: the highest priority first; within it the caller who was served the longest ago, and of that caller
the job that was. Claims are small, so that many share fairly; within a worker, engines go to whose images took the
least time so far.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from cv.choices import ItemState, JobState
from cv.engine.types import AnalysisResult
from cv.jobs.errors import ItemCode
from cv.jobs.inputs import InputGone
from cv.models import Analysis, Job, JobItem
from cv.services.analyses import AnalysisRequest, analysis_save
from cv.services.job_turns import LOOKED_AT, WORKABLE, jobs_in_turn, workable_jobs
from cv.trust.caller import Caller

log = logging.getLogger(__name__)

# An item that took its worker down so often, the last times while it was worked on alone, is not tried again.
MAX_ATTEMPTS: Final = 3
MAX_CLAIM: Final = 10_000


class LeaseLost(Exception):
    """The item is somebody else's by now, or was cancelled, or is gone. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Items of one job that a worker may work on until its leases end.

    ``alone``: a worker died with the item before, so nothing else should be worked on beside it.
    """

    job: Job
    items: tuple[JobItem, ...]
    lease: str
    alone: bool = False


def lease_time() -> timedelta:
    return timedelta(seconds=settings.XCLOUD_JOB_LEASE_S)


def no_bound(account: str) -> int:
    """For workers that need not share themselves among callers."""
    return MAX_CLAIM


def items_claim(
    limit: int,
    now: datetime | None = None,
    only: uuid.UUID | None = None,
    room_for: Callable[[str], int] = no_bound,
) -> Claim | None:
    """Up to ``limit`` items of the job whose turn it is, or of ``only`` that one; None where there is nothing to do.

    ``room_for`` says how many more items of a caller's (``Caller.account``) the worker has room for.
    """
    now = now or timezone.now()
    if only is not None:
        return _claimed(only, limit, now)
    for job_id, room in islice(jobs_in_turn(now, room_for), LOOKED_AT):
        if claim := _claimed(job_id, min(limit, room), now):
            return claim
    return None


def work_is_waiting(now: datetime | None = None) -> bool:
    """Whether a worker would find something to do."""
    return workable_jobs(now or timezone.now()).exists()


def _claimed(job_id: uuid.UUID, limit: int, now: datetime) -> Claim | None:
    with transaction.atomic():
        # The job's row first: two claims of one job wait for each other, and neither misses its cancellation.
        job = Job.objects.select_for_update().filter(pk=job_id, state__in=WORKABLE).first()
        if job is None:
            return None
        rows = JobItem.objects.filter(job=job, due_at__lte=now).order_by("due_at", "index")
        # A lease that ended while its worker writes after all: that one is nearly done.
        skip = connection.features.has_select_for_update_skip_locked
        found = list(rows.select_for_update(skip_locked=skip)[:limit])
        _give_up([row for row in found if row.attempts >= MAX_ATTEMPTS], now)
        fresh = [row for row in found if not row.attempts]
        lost = [row for row in found if 0 < row.attempts < MAX_ATTEMPTS]
        taken = fresh or lost[:1]
        if not taken:
            return None
        lease = uuid.uuid4().hex
        JobItem.objects.filter(pk__in=[row.pk for row in taken]).update(
            state=ItemState.RUNNING, lease=lease, due_at=now + lease_time(), attempts=F("attempts") + 1
        )
        job.state, job.claimed_at, job.started_at = JobState.RUNNING, now, job.started_at or now
        job.save(update_fields=["state", "claimed_at", "started_at"])
    return Claim(job, tuple(taken), lease, alone=not fresh)


def _give_up(rows: list[JobItem], now: datetime) -> None:
    """Ends items that took worker after worker down with them. The job, if it was the last, is ended by a sweep."""
    if rows:
        JobItem.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=ItemState.FAILED,
            due_at=None,
            lease="",
            error_code=ItemCode.WORKER_LOST,
            error_message=f"{MAX_ATTEMPTS} workers were lost while they worked on this image",
            finished_at=now,
        )


def items_renew(leases: Mapping[int, str], now: datetime | None = None) -> int:
    """Prolongs the leases of items (id → lease) that are still held; returns how many are."""
    if not leases:
        return 0
    until = (now or timezone.now()) + lease_time()
    held = JobItem.objects.filter(pk__in=list(leases), lease__in=set(leases.values()), state=ItemState.RUNNING)
    return held.update(due_at=until)


def items_return(leases: Mapping[int, str]) -> int:
    """Gives items back that were claimed and not begun, as if they had not been; returns how many."""
    if not leases:
        return 0
    held = JobItem.objects.filter(pk__in=list(leases), lease__in=set(leases.values()), state=ItemState.RUNNING)
    return held.update(state=ItemState.PENDING, lease="", due_at=timezone.now(), attempts=F("attempts") - 1)


def item_save(
    item: JobItem,
    lease: str,
    result: AnalysisResult,
    request: AnalysisRequest,
    caller: Caller,
    of: uuid.UUID | None = None,
) -> Analysis:
    """Writes an item's analysis and that it is done, together or not at all.

    The analysis's id follows from the item: not even a fault of the lease could write it twice. ``of`` is the analysis
    that is described anew; whoever erased it meanwhile wins. Raises LeaseLost, InputGone, StorageUnavailable.
    """

    def first() -> None:
        _ask_for(item, lease)
        if of is not None and not Analysis.objects.select_for_update().filter(pk=of).exists():
            raise InputGone(ItemCode.NOT_FOUND, "no analysis has this id")

    def saved(analysis: Analysis) -> None:
        _close(item, state=ItemState.DONE, analysis=analysis, location="")

    return analysis_save(result, replace(request, pk=result_id(item)), caller, saved, first)


def item_fail(item: JobItem, lease: str, code: str, message: str) -> None:
    """Writes why there is no analysis of an item. Raises LeaseLost."""
    with transaction.atomic():
        _ask_for(item, lease)
        _close(item, state=ItemState.FAILED, error_code=code, error_message=message[:200])
    log.info("image of a job failed", extra={"job": item.job_id, "code": code})


def result_id(item: JobItem) -> uuid.UUID:
    """The id that the analysis of an item has."""
    return uuid.uuid5(item.job_id, str(item.index))


def _ask_for(item: JobItem, lease: str) -> None:
    """Locks the item's row. Raises LeaseLost where the lease is not the item's any more."""
    held = JobItem.objects.select_for_update().filter(pk=item.pk, lease=lease, state=ItemState.RUNNING)
    if held.first() is None:
        raise LeaseLost


def _close(item: JobItem, **columns: Any) -> None:
    JobItem.objects.filter(pk=item.pk).update(**columns, due_at=None, lease="", finished_at=timezone.now())
