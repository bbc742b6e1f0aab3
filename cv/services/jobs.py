"""Creates jobs of many images, changes their states, and finishes each exactly once.

Every change of a job's state locks the job's row first and then its items, so that two changes cannot deadlock.
"""

import contextlib
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from cv.choices import ItemState, JobState, WebhookEvent
from cv.engine.types import AnalysisOptions
from cv.files.removal import delete_kept
from cv.files.stores import StorageUnavailable
from cv.jobs.broker import announce_jobs
from cv.jobs.errors import MENDABLE, EmptyJob, JobConflict
from cv.jobs.inputs import KEPT_SOURCES, ArchiveInputs, JobInputs, NewItem, folder_of, label, limited
from cv.jobs.videos import VideoInputs
from cv.models import Collection, Job, JobItem
from cv.models.jobs import MAX_JOB_NAME
from cv.services.analyses import StoreOptions, nothing_more
from cv.services.webhooks import event_emit
from cv.trust.caller import Caller

log = logging.getLogger(__name__)

OPEN = (JobState.LISTING, JobState.PENDING, JobState.RUNNING, JobState.PAUSED)
INSERT_BATCH = 1000


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Many images to analyze. The caller has validated the request."""

    inputs: JobInputs
    options: AnalysisOptions = field(default_factory=AnalysisOptions)
    store: StoreOptions = field(default_factory=StoreOptions)
    priority: int = 0
    # Every face is searched in it. It is of the caller, who may identify faces.
    search: Collection | None = None
    # Given by callers that must find the job again after a crash, before its id was returned.
    job_id: UUID = field(default_factory=uuid.uuid4)


def job_create(request: JobRequest, caller: Caller, saved: Callable[[Job], None] = nothing_more) -> Job:
    """Saves the job with all its items in one transaction, and wakes the workers. An archive is stored as it is, and
    its items are created by a worker (see ``cv.services.job_listing``).

    ``saved`` is called with the job in that transaction, so both are committed or neither is. Raises JobRefused,
    StorageUnavailable; then nothing is stored.
    """
    job = Job(
        id=request.job_id,
        owner=caller.user,
        api_key=caller.api_key,
        source=request.inputs.source,
        priority=request.priority,
        asked_attributes=sorted(caller.may_compute(request.options.attributes)),
        min_face_px=request.options.min_face_px,
        max_faces=request.options.max_faces,
        store_image=request.store.image,
        store_chips=request.store.keeps_chips,
        store_ttl_days=request.store.ttl_days,
        subject=request.store.subject,
        search_collection=None if request.search is None else request.search.pk,
    )
    try:
        new = list(limited(request.inputs.items(job.pk)))
        if isinstance(request.inputs, ArchiveInputs | VideoInputs):
            job.name = label(request.inputs.name)[-MAX_JOB_NAME:]
        if isinstance(request.inputs, VideoInputs):
            job.frame_rate = request.inputs.rate
        if isinstance(request.inputs, ArchiveInputs):
            job.archive, job.state = request.inputs.keep(job.pk), JobState.LISTING
        elif not new:
            raise EmptyJob("the job contains no image")
        job.item_count = len(new)
        with transaction.atomic():
            job.created_at = job.listing_due_at = timezone.now()
            job.save(force_insert=True)
            JobItem.objects.bulk_create(item_rows(job, new, job.created_at), batch_size=INSERT_BATCH)
            saved(job)
            transaction.on_commit(announce_jobs)
    except BaseException:
        # If the storage is unavailable by now, the next purge deletes them.
        with contextlib.suppress(StorageUnavailable):
            delete_kept(folder_of(job.pk))
        raise
    log.info("job created", extra={"job": job.pk, "items": job.item_count})
    return job


def item_rows(job: Job, new: Iterable[NewItem], now: datetime, start: int = 0) -> list[JobItem]:
    """New rows of items; the first has the index ``start``."""
    return [
        JobItem(job=job, index=index, name=item.name, location=item.location, due_at=now)
        if not item.code
        else JobItem(
            job=job,
            index=index,
            name=item.name,
            state=ItemState.FAILED,
            error_code=item.code,
            error_message=item.message[:200],
            finished_at=now,
        )
        for index, item in enumerate(new, start)
    ]


def job_pause(job: Job) -> Job:
    """Hands out and lists no more items; items in progress are finished. Raises JobConflict."""

    def pause(row: Job) -> None:
        if row.state not in (JobState.LISTING, JobState.PENDING, JobState.RUNNING):
            raise JobConflict(f"a job that is {row.state} cannot be paused")
        row.state = JobState.PAUSED
        row.save(update_fields=["state"])

    return _changed(job, pause)


def job_resume(job: Job) -> Job:
    """Hands out items again. Raises JobConflict."""

    def resume(row: Job) -> None:
        if row.state != JobState.PAUSED:
            raise JobConflict(f"a job that is {row.state} cannot be resumed")
        _reopen(row)

    return _changed(job, resume)


def job_cancel(job: Job) -> Job:
    """Ends the job: open items are cancelled, including those in progress. Raises JobConflict."""

    def cancel(row: Job) -> None:
        if row.state not in OPEN:
            raise JobConflict(f"a job that is {row.state} cannot be cancelled")
        now = timezone.now()
        JobItem.objects.filter(job=row, due_at__isnull=False).update(
            state=ItemState.CANCELLED, due_at=None, lease="", location="", finished_at=now
        )
        job_end(row, JobState.CANCELLED, now)

    return _changed(job, cancel)


def job_retry(job: Job) -> Job:
    """Tries failed items again if their input still exists. Raises JobConflict if there is no such item."""

    def retry(row: Job) -> None:
        if row.state == JobState.CANCELLED:
            raise JobConflict("a cancelled job cannot be retried")
        if row.state == JobState.DELETING:
            raise JobConflict("a job that is being deleted cannot be retried")
        again = JobItem.objects.filter(_retriable(row), job=row, state=ItemState.FAILED)
        renewed = again.update(
            state=ItemState.PENDING,
            due_at=timezone.now(),
            attempts=0,
            progress=0.0,
            error_code="",
            error_message="",
            finished_at=None,
        )
        if not renewed:
            raise JobConflict("this job has no failed image that can be retried")
        if row.state not in OPEN:
            row.finished_at = None
            row.save(update_fields=["finished_at"])
            _reopen(row)
        else:
            transaction.on_commit(announce_jobs)

    return _changed(job, retry)


def job_finish(job_id: UUID) -> bool:
    """Ends the job if it has no open item and none to list. Returns True in exactly one of several concurrent calls."""
    with transaction.atomic():
        row = Job.objects.select_for_update().filter(pk=job_id, state__in=OPEN, archive="").first()
        if row is None or JobItem.objects.filter(job=row, due_at__isnull=False).exists():
            return False
        succeeded = JobItem.objects.filter(job=row, state=ItemState.DONE).exists()
        job_end(row, JobState.DONE if succeeded else JobState.FAILED, timezone.now())
    return True


def jobs_finish_over() -> int:
    """Ends jobs without open items, whose worker died before it ended them; returns how many."""
    left = JobItem.objects.filter(job=OuterRef("pk"), due_at__isnull=False)
    over = Job.objects.filter(~Exists(left), state__in=OPEN, archive="").values_list("pk", flat=True)
    return sum(job_finish(pk) for pk in list(over))


def _changed(job: Job, change: Callable[[Job], None]) -> Job:
    """Locks the job's row, calls ``change`` with it and returns it. Raises Job.DoesNotExist."""
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        change(row)
    return row


def _reopen(row: Job) -> None:
    if row.archive:
        row.state = JobState.LISTING
    else:
        row.state = JobState.RUNNING if row.started_at else JobState.PENDING
    row.save(update_fields=["state"])
    transaction.on_commit(announce_jobs)


def job_end(row: Job, state: JobState, now: datetime) -> None:
    """Ends the job: its state, its webhook event, and its inputs. Call it in the transaction that locked the row."""
    row.state, row.finished_at = state, now
    row.archive, row.listing_lease, row.listing_due_at = "", "", None
    row.save(update_fields=["state", "finished_at", "archive", "listing_lease", "listing_due_at"])
    items = JobItem.objects.filter(job=row)
    counts = {name: items.filter(state=name).count() for name in (ItemState.DONE, ItemState.FAILED)}
    event_emit(
        WebhookEvent.JOB_FINISHED,
        {"job": str(row.pk), "state": str(state), "done": counts[ItemState.DONE], "failed": counts[ItemState.FAILED]},
    )
    keep = frozenset() if state == JobState.CANCELLED else _inputs_to_keep(row)
    job_id = row.pk

    def tidy() -> None:
        try:
            delete_kept(folder_of(job_id), keep)
        except StorageUnavailable:
            log.warning("inputs of a job could not be removed; the next purge does it", extra={"job": job_id})

    transaction.on_commit(tidy)


def _retriable(row: Job) -> Q:
    """Failed items whose input can be read again. If it is a kept file: only if the input was kept for a retry."""
    if row.source in KEPT_SOURCES:
        return Q(error_code__in=sorted(MENDABLE)) & ~Q(location="")
    return ~Q(location="")


def _inputs_to_keep(row: Job) -> frozenset[str]:
    if row.source not in KEPT_SOURCES:
        return frozenset()
    failed = JobItem.objects.filter(_retriable(row), job=row, state=ItemState.FAILED)
    return frozenset(failed.values_list("location", flat=True))
