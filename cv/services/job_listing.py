"""Lists the entries of kept archives as items of their jobs, in batches.

A worker holds a lease on the job while it lists. If the worker dies, the next one goes on after the last batch. No
image is analyzed before all are listed, because an archive is refused as a whole.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from cv.choices import JobState
from cv.files.removal import delete_kept
from cv.files.stores import StorageUnavailable
from cv.jobs.broker import announce_jobs
from cv.jobs.errors import EmptyJob, ItemCode, JobRefused
from cv.jobs.inputs import NewItem, archive_items, folder_of
from cv.models import Job, JobItem
from cv.services.job_items import MAX_ATTEMPTS, LeaseLost, lease_time
from cv.services.jobs import INSERT_BATCH, OPEN, item_rows, job_end

log = logging.getLogger(__name__)

# Jobs that are tried in one claim; another worker may just have taken the first ones.
LOOKED_AT: Final = 20
# When a listing is tried again that the storage interrupted.
PAUSE: Final = timedelta(seconds=30)
# The slowest storage from which a whole archive is fetched before the lease ends.
LEAST_BYTES_PER_S: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A job whose archive one worker lists until the lease ends."""

    job: Job
    lease: str


def listing_claim(now: datetime | None = None) -> Listing | None:
    """Claims the next archive; None if there is none. Each caller has at most one listed at a time."""
    now = now or timezone.now()
    for pk in list(_in_turn(now).values_list("pk", flat=True)[:LOOKED_AT]):
        with transaction.atomic():
            job = Job.objects.select_for_update().filter(_due(now), pk=pk).first()
            if job is None:
                continue
            job.listing_lease, job.listing_due_at, job.listing_began_at = uuid.uuid4().hex, now + lease_time(), now
            job.listing_attempts += 1
            job.save(update_fields=["listing_lease", "listing_due_at", "listing_began_at", "listing_attempts"])
        return Listing(job, job.listing_lease)
    return None


def listing_is_waiting(now: datetime | None = None) -> bool:
    """Whether there is an archive that a worker could list."""
    return Job.objects.filter(_due(now or timezone.now())).exists()


def archive_list(listing: Listing, stopping: Callable[[], bool]) -> None:
    """Creates the items of the archive, or ends the job with the reason why there are none.

    Returns after the next batch if the job is paused or ``stopping()``; another claim goes on. If the lease is lost,
    or the job was cancelled or deleted, nothing more is written.
    """
    job = listing.job
    try:
        if job.listing_attempts > MAX_ATTEMPTS:
            _refuse(listing, ItemCode.WORKER_LOST, f"{MAX_ATTEMPTS} workers were lost while they read this archive")
        else:
            _list(listing, stopping)
    except LeaseLost:
        log.info("listing of an archive was given up", extra={"job": job.pk})
        _tidy(job)
    except JobRefused as error:
        _refuse(listing, error.code, str(error))
    except FileNotFoundError:
        _refuse(listing, ItemCode.NOT_FOUND, "the archive is no longer stored")
    except StorageUnavailable as error:
        log.warning("listing of an archive was interrupted", extra={"job": job.pk, "code": error.code})
        if job.listing_attempts >= MAX_ATTEMPTS:
            _refuse(listing, error.code, str(error))
        else:
            _give_back(listing, PAUSE)


def _due(now: datetime) -> Q:
    return Q(state=JobState.LISTING, listing_due_at__lte=now)


def _in_turn(now: datetime) -> QuerySet[Job]:
    """Jobs to list: the highest priority first, then the caller whose last archive was begun longest ago."""
    callers = (Q(owner=OuterRef("owner")), Q(owner__isnull=True, api_key=OuterRef("api_key")))
    listed = [Exists(Job.objects.filter(theirs, state=JobState.LISTING, listing_due_at__gt=now)) for theirs in callers]
    begun = Job.objects.filter(listing_began_at__isnull=False).order_by("-listing_began_at").values("listing_began_at")
    served = Coalesce(*(Subquery(begun.filter(theirs)[:1]) for theirs in callers))
    waiting = Job.objects.filter(_due(now)).exclude(listed[0]).exclude(listed[1]).annotate(served=served)
    return waiting.order_by("-priority", F("served").asc(nulls_first=True), "created_at")


def _list(listing: Listing, stopping: Callable[[], bool]) -> None:
    """Raises LeaseLost, JobRefused, FileNotFoundError, StorageUnavailable."""
    job = listing.job
    size = default_storage.size(job.archive)
    _renew(listing, lease_time() + timedelta(seconds=size / LEAST_BYTES_PER_S))
    step_s = lease_time().total_seconds() / 3
    done = JobItem.objects.filter(job=job).count()
    batch: list[NewItem] = []
    with default_storage.open(job.archive) as file:
        written = time.monotonic()
        for item in archive_items(file, size, job.pk, done):
            if item is not None:
                batch.append(item)
            if len(batch) < INSERT_BATCH and time.monotonic() - written < step_s:
                continue
            if _write(listing, batch, done, last=False) == JobState.PAUSED:
                return
            done, batch, written = done + len(batch), [], time.monotonic()
            if stopping():
                _give_back(listing)
                return
    if not done and not batch:
        raise EmptyJob("the job contains no image")
    _write(listing, batch, done, last=True)
    _remove(job.archive)
    log.info("archive listed", extra={"job": job.pk, "items": done + len(batch)})


def _held(listing: Listing) -> Job:
    """Locks the job's row. Raises LeaseLost if the job has another lease, was deleted or has ended."""
    row = Job.objects.select_for_update().filter(pk=listing.job.pk, listing_lease=listing.lease, state__in=OPEN).first()
    if row is None:
        raise LeaseLost
    return row


def _write(listing: Listing, batch: list[NewItem], start: int, last: bool) -> str:
    """Saves a batch, whose first item has the index ``start``; returns the job's state. Raises LeaseLost."""
    with transaction.atomic():
        row, now = _held(listing), timezone.now()
        JobItem.objects.bulk_create(item_rows(row, batch, now, start), batch_size=INSERT_BATCH)
        row.item_count += len(batch)
        row.listing_due_at = now + lease_time()
        if batch:
            row.listing_attempts = 0
        if last:
            row.archive, row.listing_lease, row.listing_due_at = "", "", None
            row.state = row.state if row.state == JobState.PAUSED else JobState.PENDING
            transaction.on_commit(announce_jobs)
        elif row.state == JobState.PAUSED:
            row.listing_lease, row.listing_due_at = "", now
        row.save()
    return row.state


def _renew(listing: Listing, lasting: timedelta) -> None:
    with transaction.atomic():
        row = _held(listing)
        row.listing_due_at = timezone.now() + lasting
        row.save(update_fields=["listing_due_at"])


def _give_back(listing: Listing, pause: timedelta = timedelta()) -> None:
    """Lets another claim go on after ``pause``."""
    mine = Job.objects.filter(pk=listing.job.pk, listing_lease=listing.lease, state__in=OPEN)
    if pause:
        mine.update(listing_lease="", listing_due_at=timezone.now() + pause)
    else:
        # Stopped on purpose, which is no failed attempt.
        mine.update(listing_lease="", listing_due_at=timezone.now(), listing_attempts=0)


def _refuse(listing: Listing, code: str, message: str) -> None:
    """Ends the job with the reason, without any item.

    Deletes the last items first, so that after an interruption the rest is still listed without a gap.
    """
    try:
        while True:
            with transaction.atomic():
                row, now = _held(listing), timezone.now()
                last = JobItem.objects.filter(job=row).order_by("-index").values_list("pk", flat=True)
                if not (ids := list(last[:INSERT_BATCH])):
                    row.error_code, row.error_message, row.item_count = code, message[:200], 0
                    row.save(update_fields=["error_code", "error_message", "item_count"])
                    job_end(row, JobState.FAILED, now)
                    break
                JobItem.objects.filter(pk__in=ids).delete()
                row.item_count, row.listing_due_at = row.item_count - len(ids), now + lease_time()
                row.save(update_fields=["item_count", "listing_due_at"])
    except LeaseLost:
        _tidy(listing.job)
        return
    log.info("archive refused", extra={"job": listing.job.pk, "code": code})


def _tidy(job: Job) -> None:
    """Deletes what was stored for a job that was cancelled or deleted meanwhile."""
    if not Job.objects.filter(pk=job.pk).exclude(state__in=(JobState.CANCELLED, JobState.DELETING)).exists():
        _remove(folder_of(job.pk))


def _remove(name: str) -> None:
    try:
        delete_kept(name)
    except StorageUnavailable:
        log.warning("an archive could not be removed; the next purge does it")
