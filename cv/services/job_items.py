"""Hands out job items to workers and stores their results, each exactly once.

An item is claimed with a lease: a token, and a time until which no other worker may claim the item. The result is
written in one transaction that first checks the lease; a worker that has lost it writes nothing.

The highest priority comes first; within a priority the caller that has waited longest since its last claim, and of
that caller the job that has. Claims are small, so that callers share fairly. Within a worker, the next engine goes to
the caller whose images have taken the least time so far.
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
from cv.search.photos import PhotoSearch
from cv.services.analyses import AnalysisRequest, analysis_save, nothing_more
from cv.services.job_turns import WORKABLE, jobs_in_turn, workable_jobs
from cv.services.photo_searches import search_save
from cv.trust.caller import Caller

log = logging.getLogger(__name__)

# If an item's worker died this many times, the item fails. After the first death, it is processed alone.
MAX_ATTEMPTS: Final = 3
MAX_CLAIM: Final = 10_000
# How many jobs a claim tries. A job is skipped if other workers have just taken its items.
TRIED: Final = 20


class LeaseLost(Exception):
    """The item was claimed by another worker, cancelled or deleted. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Items of one job that a worker may process until the lease ends.

    ``alone``: a worker died with this item before, so it must be the only item in progress.
    """

    job: Job
    items: tuple[JobItem, ...]
    lease: str
    alone: bool = False


def lease_time() -> timedelta:
    return timedelta(seconds=settings.XCLOUD_JOB_LEASE_S)


def no_bound(account: str) -> int:
    """The default of ``room_for``: no limit for a caller."""
    return MAX_CLAIM


def items_claim(
    limit: int,
    now: datetime | None = None,
    only: uuid.UUID | None = None,
    room_for: Callable[[str], int] = no_bound,
) -> Claim | None:
    """Claims up to ``limit`` items of the next job, or of the job ``only``; None if there is nothing to do.

    ``room_for`` returns how many more items of a caller (``Caller.account``) the worker has room for.
    """
    now = now or timezone.now()
    if only is not None:
        job = Job.objects.select_related("owner", "api_key").filter(pk=only).first()
        return _claimed(job, limit, now) if job else None
    for job, room in islice(jobs_in_turn(now, room_for), TRIED):
        if claim := _claimed(job, min(limit, room), now):
            return claim
    return None


def work_is_waiting(now: datetime | None = None) -> bool:
    """Whether there is an item that a worker could claim."""
    return workable_jobs(now or timezone.now()).exists()


def _claimed(found: Job, limit: int, now: datetime) -> Claim | None:
    with transaction.atomic():
        # Locks the job's row first, so that two claims of one job wait for each other and see a cancellation.
        job = Job.objects.select_for_update().filter(pk=found.pk, state__in=WORKABLE).first()
        if job is None:
            return None
        # Already read; a job's owner never changes.
        job.owner, job.api_key = found.owner, found.api_key
        rows = JobItem.objects.filter(job=job, due_at__lte=now).order_by("due_at", "index")
        # A locked row has an ended lease, but its worker is just writing the result: skip it.
        skip = connection.features.has_select_for_update_skip_locked
        due = list(rows.select_for_update(skip_locked=skip)[:limit])
        _give_up([row for row in due if row.attempts >= MAX_ATTEMPTS], now)
        fresh = [row for row in due if not row.attempts]
        lost = [row for row in due if 0 < row.attempts < MAX_ATTEMPTS]
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
    """Fails items whose workers died too often. If one was the job's last, a sweep finishes the job."""
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
    """Prolongs the leases (item id → lease) that are still held; returns how many."""
    if not leases:
        return 0
    until = (now or timezone.now()) + lease_time()
    held = JobItem.objects.filter(pk__in=list(leases), lease__in=set(leases.values()), state=ItemState.RUNNING)
    return held.update(due_at=until)


def item_progress(item: JobItem, lease: str, share: float) -> None:
    """Notes how much of an item is done, 0 to 1. Raises LeaseLost if this worker does not hold it any more."""
    held = JobItem.objects.filter(pk=item.pk, lease=lease, state=ItemState.RUNNING)
    if not held.update(progress=share):
        raise LeaseLost


def items_return(leases: Mapping[int, str]) -> int:
    """Returns items that were claimed but not started, without counting an attempt; returns how many."""
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
    found: PhotoSearch | None = None,
    also: Callable[[Analysis], None] = nothing_more,
) -> Analysis:
    """Saves an item's analysis and marks the item as done, in one transaction.

    The analysis's id is derived from the item, so it cannot be saved twice, even if a lease failed. ``of`` is the
    earlier analysis whose picture this is; if it was erased concurrently, nothing is saved. ``found`` is who is in the
    photo, if the job searches a collection. ``also`` writes what else belongs to the analysis, in the same transaction.
    Raises LeaseLost, InputGone, CollectionGone, StorageUnavailable.
    """

    def first() -> None:
        _ask_for(item, lease)
        if of is not None and not Analysis.objects.select_for_update().filter(pk=of).exists():
            raise InputGone(ItemCode.NOT_FOUND, "no analysis has this id")

    def saved(analysis: Analysis, _: AnalysisResult) -> None:
        if found is not None:
            search_save(analysis, found, caller)
        also(analysis)
        _close(item, state=ItemState.DONE, analysis=analysis, location="")

    return analysis_save(result, replace(request, pk=result_id(item)), caller, saved, first)


def item_fail(item: JobItem, lease: str, code: str, message: str) -> None:
    """Marks an item as failed, with the reason. Raises LeaseLost."""
    with transaction.atomic():
        _ask_for(item, lease)
        _close(item, state=ItemState.FAILED, error_code=code, error_message=message[:200])
    log.info("image of a job failed", extra={"job": item.job_id, "code": code})


def result_id(item: JobItem) -> uuid.UUID:
    """The id of the item's analysis, derived from the item."""
    return uuid.uuid5(item.job_id, str(item.index))


def _ask_for(item: JobItem, lease: str) -> None:
    """Locks the item's row, and not its job's, which a cancellation locks first. Raises LeaseLost if the item has
    another lease, or none."""
    if not JobItem.objects.select_for_update().filter(pk=item.pk, lease=lease, state=ItemState.RUNNING).exists():
        raise LeaseLost


def _close(item: JobItem, **columns: Any) -> None:
    JobItem.objects.filter(pk=item.pk).update(**columns, due_at=None, lease="", finished_at=timezone.now())
