"""Deletes what has expired."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils import timezone

from cv.choices import DeliveryState, ItemState, JobSource, JobState
from cv.files.pictures import pictures_before
from cv.jobs.errors import MENDABLE, JobConflict
from cv.jobs.inputs import inputs_before
from cv.models import Analysis, AuditEvent, Erasure, ErrorCount, IdempotentRequest, Job, JobItem, WebhookDelivery
from cv.search.served import tidy_indexes
from cv.services.analyses import analyses_delete
from cv.services.collections import expired_faces_purge
from cv.services.deletions import listed_files_remove
from cv.services.job_deletion import job_delete_further, jobs_delete_further
from cv.services.jobs import job_cancel
from cv.services.traces import traces_remove
from cv.serving.processes import dead_processes, forget_process

# A younger picture may belong to a transaction that is still open.
ORPHAN_AGE = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=24)
DELIVERIES_KEPT = timedelta(days=30)
ERRORS_KEPT = timedelta(days=366)
# Inputs of failed images are kept for a retry.
INPUTS_KEPT = timedelta(hours=24)
# Interrupted erasures whose client never came back for the receipt.
ERASURES_KEPT = timedelta(days=30)
# Pictures that one query looks up.
LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Purged:
    """How much a purge deleted."""

    analyses: int
    pictures: int
    answers: int = 0
    deliveries: int = 0
    audit_events: int = 0
    jobs: int = 0
    inputs: int = 0
    files: int = 0
    enrolled_faces: int = 0


def expired_purge(now: datetime | None = None) -> Purged:
    """Finishes interrupted deletions, and deletes expired analyses, pictures without a row and old records.

    Works in batches, so that others can write in between. Raises StorageUnavailable, SearchUnavailable.
    """
    now = now or timezone.now()
    files = listed_files_remove()
    jobs_delete_further()
    analyses = analyses_delete(Analysis.objects.filter(expires_at__lte=now))
    pictures = _orphans_purge()
    answers, _ = IdempotentRequest.objects.filter(created_at__lte=now - ANSWERS_KEPT).delete()
    _processes_purge()
    over = WebhookDelivery.objects.exclude(state=DeliveryState.PENDING)
    deliveries, _ = over.filter(created_at__lte=now - DELIVERIES_KEPT).delete()
    audited_until = now - timedelta(days=settings.XCLOUD_AUDIT_DAYS)
    audit_events, _ = AuditEvent.objects.filter(at__lte=audited_until).delete()
    ErrorCount.objects.filter(day__lt=(now - ERRORS_KEPT).date()).delete()
    Erasure.objects.filter(created_at__lte=now - ERASURES_KEPT).delete()
    jobs = _jobs_purge(now - timedelta(days=settings.XCLOUD_JOB_DAYS))
    inputs = _inputs_purge(now)
    try:
        enrolled_faces = expired_faces_purge(now)
        tidy_indexes()
    finally:
        # What was deleted must go from the log even if the search index is away.
        traces_remove()
    return Purged(analyses, pictures, answers, deliveries, audit_events, jobs, inputs, files, enrolled_faces)


def _orphans_purge() -> int:
    """Deletes pictures without a row, which killed processes left behind; returns how many."""
    removed, old = 0, pictures_before(timezone.now() - ORPHAN_AGE)
    while names := list(islice(old, LOOKED_AT)):
        kept = set(Analysis.objects.filter(picture__in=names).values_list("picture", flat=True))
        for name in names:
            if name not in kept:
                default_storage.delete(name)
                removed += 1
    return removed


def _processes_purge() -> None:
    """Frees the idempotent requests of dead processes, and then forgets the processes."""
    for name in dead_processes():
        IdempotentRequest.objects.filter(process=name, status__isnull=True).delete()
        forget_process(name)


def _jobs_purge(before: datetime) -> int:
    """Deletes jobs that ended before this time, and cancels paused and local ones that were created before it."""
    waiting = Q(state=JobState.PAUSED) | Q(source=JobSource.LOCAL, finished_at__isnull=True)
    for job in Job.objects.filter(waiting, created_at__lte=before):
        with contextlib.suppress(JobConflict, Job.DoesNotExist):
            job_cancel(job)
    old = list(Job.objects.filter(finished_at__lte=before))
    for job in old:
        job_delete_further(job)
    return len(old)


def _inputs_purge(now: datetime) -> int:
    """Deletes inputs that no job item needs any more; returns how many."""
    removed = 0
    for job_id, names in inputs_before(timezone.now() - ORPHAN_AGE):
        lately = Q(job__finished_at__isnull=True) | Q(job__finished_at__gt=now - INPUTS_KEPT)
        may_be_retried = lately & Q(state=ItemState.FAILED, error_code__in=sorted(MENDABLE))
        needed = JobItem.objects.filter(Q(due_at__isnull=False) | may_be_retried, job=job_id)
        kept = set(needed.values_list("location", flat=True))
        kept.update(Job.objects.filter(pk=job_id).exclude(archive="").values_list("archive", flat=True))
        for name in names:
            if name not in kept:
                default_storage.delete(name)
                removed += 1
    return removed
