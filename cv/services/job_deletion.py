"""Deletes jobs with their items and inputs and, if requested, their analyses. Large jobs are deleted in batches."""

import time
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cv import bells
from cv.choices import AuditAction, JobState
from cv.files.removal import ask_storage
from cv.jobs.inputs import KEPT_SOURCES, folder_of
from cv.models import Analysis, Erasure, Job, JobItem
from cv.services.analyses import BREATH_S, DELETE_BATCH, analyses_delete
from cv.services.audit import audit_note
from cv.services.deletions import files_list, files_remove
from cv.services.jobs import OPEN, job_cancel
from cv.services.traces import traces_remove
from cv.trust.caller import Caller

# A job with more images is deleted in the background.
AT_ONCE: Final = 500
ITEM_BATCH: Final = 1000


def job_delete(job: Job, caller: Caller, with_analyses: bool = False) -> bool:
    """Starts to delete a job in any state, and audits it; returns whether it is already completely deleted.

    A large job stays in the state `deleting` until ``job_delete_further`` has finished: no worker takes its items, and
    the state cannot change back. Analyses stay unless ``with_analyses``. Raises StorageUnavailable, Job.DoesNotExist;
    then nothing has changed.
    """
    ask_storage(inputs_of([(job.pk, job.source)]))
    with transaction.atomic():
        row = Job.objects.select_for_update().get(pk=job.pk)
        if row.state in OPEN:
            row = job_cancel(row)
        row.state, row.finished_at = JobState.DELETING, row.finished_at or timezone.now()
        row.deletes_analyses |= with_analyses
        row.save(update_fields=["state", "finished_at", "deletes_analyses"])
        analyses = JobItem.objects.filter(job=row, analysis__isnull=False).count() if row.deletes_analyses else 0
        audit_note(caller, AuditAction.JOB_DELETE, [row.pk], count=1 + analyses)
    if row.item_count > AT_ONCE:
        bells.TIDYING.ring()
        return False
    job_delete_further(row)
    return True


def job_delete_further(job: Job) -> None:
    """Deletes the rest of a job in batches, so that others can write in between. Raises StorageUnavailable.

    If it is interrupted, the next call continues.
    """
    while job.deletes_analyses:
        items = JobItem.objects.filter(job=job, analysis__isnull=False).order_by("index")
        found = dict(items.values_list("pk", "analysis")[:DELETE_BATCH])
        if not found:
            break
        analyses_delete(Analysis.objects.filter(pk__in=found.values()))
        JobItem.objects.filter(pk__in=found).delete()
        time.sleep(BREATH_S)
    while ids := list(JobItem.objects.filter(job=job).order_by("index").values_list("pk", flat=True)[:ITEM_BATCH]):
        JobItem.objects.filter(pk__in=ids).delete()
        if len(ids) == ITEM_BATCH:
            time.sleep(BREATH_S)
    with transaction.atomic():
        jobs_remove(Job.objects.filter(pk=job.pk))
    files_remove(inputs_of([(job.pk, job.source)]))
    traces_remove()


def jobs_delete_further() -> int:
    """Finishes every deletion that has begun; returns how many jobs were deleted. Raises StorageUnavailable."""
    gone = 0
    for job in Job.objects.filter(state=JobState.DELETING).order_by("finished_at"):
        job_delete_further(job)
        gone += 1
    return gone


def jobs_remove(rows: QuerySet[Job], erasure: Erasure | None = None) -> int:
    """Deletes jobs with their items in the caller's transaction, and lists their inputs; returns how many jobs."""
    found = list(rows.select_for_update().order_by("pk").values_list("pk", "source"))
    Job.objects.filter(pk__in=[pk for pk, _ in found]).delete()
    files_list(inputs_of(found), erasure)
    return len(found)


def inputs_of(jobs: Iterable[tuple[UUID, str]]) -> list[str]:
    """The folders of kept inputs. Only jobs from archives and of videos have one."""
    return [folder_of(pk) for pk, source in jobs if source in KEPT_SOURCES]
