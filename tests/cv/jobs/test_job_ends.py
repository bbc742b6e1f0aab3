"""What remains of a job if its subject is erased, its analyses are deleted, or it expires."""

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django import Settings

from cv.choices import JobState, Source
from cv.jobs.errors import ItemCode
from cv.models import Analysis, Job
from cv.services import (
    LeaseLost,
    expired_purge,
    item_fail,
    item_save,
    items_claim,
    job_pause,
    subject_erase,
)
from cv.services.analyses import AnalysisRequest
from cv.trust.caller import Caller
from tests.factories import analysis_result
from tests.jobs import archive, kept_inputs, made_job, work_through

pytestmark = pytest.mark.usefixtures("db")


def test_erasing_a_subject_takes_its_jobs_along(caller: Caller, empty_scene: bytes) -> None:
    job = made_job(caller, archive([("a.jpg", empty_scene), ("b.jpg", empty_scene)]), subject="x")
    first = items_claim(1)
    assert first
    item_save(first.items[0], first.lease, analysis_result(), AnalysisRequest(b"", Source.UPLOAD), caller)
    Analysis.objects.update(subject="x")
    second = items_claim(1)
    assert second
    receipt = subject_erase("x", caller)
    assert receipt["receipt"]["deleted"]["jobs"] == 1
    with pytest.raises(LeaseLost):
        item_save(second.items[0], second.lease, analysis_result(), AnalysisRequest(b"", Source.UPLOAD), caller)
    assert (Job.objects.filter(pk=job.pk).count(), Analysis.objects.count(), kept_inputs()) == (0, 0, [])


def test_an_erased_analysis_leaves_its_item_without_a_result(job: Job) -> None:
    work_through()
    Analysis.objects.all().delete()
    assert [(item.state, item.analysis) for item in job.items.all()] == [("done", None)] * 3


def test_purge_removes_old_jobs_and_inputs_that_nothing_needs(
    caller: Caller, empty_scene: bytes, job: Job, settings: Settings, pictures: Path
) -> None:
    paused = job_pause(made_job(caller, archive([("a.jpg", empty_scene)])))
    orphan = default_storage.save(f"jobs/{'0' * 32}/7", io.BytesIO(b"x"))
    for file in pictures.rglob("*"):
        os.utime(file, (0, 0))
    assert (expired_purge().inputs, expired_purge().jobs) == (1, 0)
    assert orphan not in kept_inputs()
    assert len(kept_inputs()) == 4
    work_through()
    assert expired_purge().jobs == 0
    later = timezone.now() + timedelta(days=settings.XCLOUD_JOB_DAYS + 1)
    # The paused job is purged, too.
    assert paused.state == JobState.PAUSED
    assert (expired_purge(later).jobs, Job.objects.count()) == (2, 0)


def test_purge_keeps_the_input_of_a_failed_image_while_its_job_goes_on(
    job: Job, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cv.services.purge.ORPHAN_AGE", timedelta(seconds=-1))
    claim = items_claim(1)
    assert claim
    item_fail(claim.items[0], claim.lease, ItemCode.STORAGE_UNAVAILABLE, "away")
    assert (expired_purge().inputs, len(kept_inputs())) == (0, 3)
