"""Creates jobs for tests, and works on their items one after another with the worker's own steps."""

import io
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from cv.engine.types import AnalysisOptions
from cv.jobs.inputs import ArchiveInputs, JobInputs, inputs_before
from cv.models import Job
from cv.services import JobRequest, StoreOptions, items_claim, job_create, jobs_finish_over
from cv.services.job_listing import archive_list, listing_claim
from cv.serving import engines
from cv.trust.caller import Caller
from cv.workers.worker import Task, Worker
from tests.archives import Files, zip_of


def archive(files: Files) -> ArchiveInputs:
    return ArchiveInputs(io.BytesIO(zip_of(files)))


def new_job(caller: Caller, inputs: JobInputs, priority: int = 0, **store: Any) -> Job:
    """A job whose archive is not listed yet."""
    return job_create(JobRequest(inputs, AnalysisOptions(), StoreOptions(**store), priority), caller)


def made_job(caller: Caller, inputs: JobInputs, priority: int = 0, **store: Any) -> Job:
    """A job with its items."""
    job = new_job(caller, inputs, priority, **store)
    list_archives()
    job.refresh_from_db()
    return job


def list_archives() -> None:
    while listing := listing_claim():
        archive_list(listing, lambda: False)


def work_through(limit: int = 100) -> int:
    """Lists all archives and works on all due items without threads; returns the number of items."""
    list_archives()
    worker, worked = Worker(engines.served_engine(), 1), 0
    while claim := items_claim(limit):
        caller = Caller(claim.job.owner, claim.job.api_key)
        for item in claim.items:
            worker.work(Task(item, claim.job, caller, claim.lease))
            worked += 1
    jobs_finish_over()
    return worked


def states(job: Job) -> list[str]:
    return list(job.items.order_by("index").values_list("state", flat=True))


def codes(job: Job) -> list[str]:
    return list(job.items.order_by("index").values_list("error_code", flat=True))


def names(items: Iterable[Any]) -> list[str]:
    return [item.name for item in items]


def kept_inputs() -> list[str]:
    return sorted(name for _, names in inputs_before(timezone.now() + timedelta(days=1)) for name in names)
