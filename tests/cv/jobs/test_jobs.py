"""Jobs process every image once, a bad image fails alone, and only valid changes of state are possible."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import Storage, default_storage
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from cv.choices import JobState, Source, WebhookEvent
from cv.engine.labels import Attribute
from cv.engine.pool import EngineDied, EnginePool
from cv.engine.types import AnalysisResult
from cv.jobs.errors import EmptyJob, ItemCode, JobConflict, TooManyItems
from cv.jobs.inputs import AnalysisInputs, UrlInputs, without_query
from cv.models import Analysis, Job, JobItem, WebhookDelivery
from cv.services import (
    LeaseLost,
    api_key_create,
    api_key_revoke,
    item_save,
    items_claim,
    job_cancel,
    job_delete,
    job_finish,
    job_pause,
    job_resume,
    job_retry,
    jobs_finish_over,
    subject_erase,
    webhook_create,
)
from cv.services.analyses import AnalysisRequest
from cv.serving import engines
from cv.trust.caller import Caller
from cv.workers.worker import Task, Worker
from tests.factories import analysis_result, stored_analysis
from tests.jobs import archive, codes, kept_inputs, made_job, states, work_through
from tests.site import Site

pytestmark = pytest.mark.usefixtures("db")


def test_every_image_gets_its_result_and_a_bad_one_fails_alone(
    caller: Caller, grace_hopper: bytes, two_faces: bytes
) -> None:
    files = [("a/1.jpg", grace_hopper), ("scan.pdf", b"hello"), ("2.png", two_faces), ("3.jpg", grace_hopper[:5000])]
    job = made_job(caller, archive(files), subject="x", ttl_days=3)
    assert (job.state, job.item_count, states(job)) == (JobState.PENDING, 4, ["pending"] * 4)
    assert work_through() == 4

    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert None not in (job.started_at, job.finished_at)
    assert states(job) == ["done", "failed", "done", "failed"]
    assert codes(job) == ["", "unsupported_media_type", "", "undecodable_image"]
    rows = [item.analysis for item in job.items.order_by("index")]
    assert [row and row.face_count for row in rows] == [1, None, 2, None]
    for row in Analysis.objects.all():
        assert (row.subject, row.source, row.api_key) == ("x", Source.UPLOAD, caller.api_key)
        assert row.expires_at is not None
    assert kept_inputs() == []


def test_the_same_image_twice_gets_two_results(caller: Caller, grace_hopper: bytes) -> None:
    job = made_job(caller, archive([("a.jpg", grace_hopper), ("a.jpg", grace_hopper)]))
    work_through()
    first, second = (item.analysis for item in job.items.order_by("index"))
    assert first
    assert second
    assert first.pk != second.pk
    assert first.image_sha256 == second.image_sha256


def test_inputs_are_kept_under_names_of_our_own_and_only_until_they_are_done(
    caller: Caller, empty_scene: bytes, job: Job
) -> None:
    assert kept_inputs() == [f"jobs/{job.pk.hex}/{index}" for index in range(3)]
    assert [item.name for item in job.items.order_by("index")] == ["a.jpg", "b.jpg", "c.jpg"]
    work_through(limit=1)
    assert kept_inputs() == []


def test_a_job_without_images_or_with_too_many_leaves_nothing(
    caller: Caller, empty_scene: bytes, settings: Settings
) -> None:
    with pytest.raises(EmptyJob):
        made_job(caller, UrlInputs([]))
    settings.XCLOUD_JOB_MAX_ITEMS = 2
    with pytest.raises(TooManyItems):
        made_job(caller, UrlInputs(["http://a/"] * 3))
    assert (Job.objects.count(), kept_inputs()) == (0, [])


def test_an_image_that_costs_too_much_fails_alone(
    caller: Caller, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = empty_scene[:-2] + b"\xff\xda\0\x02" * 501
    job = made_job(caller, archive([("a.jpg", scans), ("b.jpg", empty_scene)]))
    work_through()
    assert (states(job), codes(job)) == (["failed", "done"], ["image_too_expensive", ""])


# States.


def test_a_paused_job_hands_nothing_out_until_it_is_resumed(job: Job) -> None:
    assert job_pause(job).state == JobState.PAUSED
    assert items_claim(1) is None
    with pytest.raises(JobConflict):
        job_pause(job)
    assert job_resume(job).state == JobState.PENDING
    assert work_through() == 3
    with pytest.raises(JobConflict):
        job_resume(job)


def test_a_job_whose_last_image_was_finished_while_it_was_paused_is_done(job: Job, caller: Caller) -> None:
    claim = items_claim(3)
    assert claim
    job_pause(job)
    for item in claim.items:
        item_save(item, claim.lease, analysis_result(), AnalysisRequest(b"", Source.UPLOAD), caller)
    assert job_finish(job.pk)
    assert not job_finish(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE


def test_cancelling_ends_also_what_is_being_worked_on(
    job: Job, caller: Caller, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    claim = items_claim(1)
    assert claim
    with django_capture_on_commit_callbacks(execute=True):
        assert job_cancel(job).state == JobState.CANCELLED
    assert states(job) == ["cancelled"] * 3
    with pytest.raises(LeaseLost):
        item_save(claim.items[0], claim.lease, analysis_result(), AnalysisRequest(b"", Source.UPLOAD), caller)
    assert (Analysis.objects.count(), kept_inputs()) == (0, [])
    for change in (job_cancel, job_pause, job_resume, job_retry):
        with pytest.raises(JobConflict):
            change(job)


def test_only_what_another_try_may_mend_is_tried_again(
    job: Job,
    grace_hopper: bytes,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with monkeypatch.context() as patch, django_capture_on_commit_callbacks(execute=True):
        patch.setattr(EnginePool, "analyze", lambda *_: 1 / 0)
        work_through()
    job.refresh_from_db()
    assert (job.state, set(codes(job))) == (JobState.FAILED, {ItemCode.INTERNAL_ERROR})
    assert len(kept_inputs()) == 3
    JobItem.objects.filter(index=0).update(error_code="undecodable_image")
    with django_capture_on_commit_callbacks(execute=True):
        assert job_retry(job).state == JobState.RUNNING
    assert states(job) == ["failed", "pending", "pending"]
    with django_capture_on_commit_callbacks(execute=True):
        work_through()
    job.refresh_from_db()
    assert (job.state, states(job)) == (JobState.DONE, ["failed", "done", "done"])
    assert kept_inputs() == []
    with pytest.raises(JobConflict):
        job_retry(job)


def test_an_image_whose_engine_was_killed_stays_claimed_until_its_lease_ends(
    job: Job, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise EngineDied

    JobItem.objects.filter(index__gt=0).update(state="cancelled", due_at=None)
    claim = items_claim(1)
    assert claim
    worker = Worker(engines.served_engine(), 1)
    with monkeypatch.context() as patch:
        patch.setattr(EnginePool, "analyze", die)
        with pytest.raises(EngineDied):
            worker.work(Task(claim.items[0], job, caller, claim.lease))
    assert states(job)[0] == "running"
    again = items_claim(1, timezone.now() + timedelta(hours=1))
    assert again
    assert (again.items[0].pk, again.alone) == (claim.items[0].pk, True)


def test_the_end_is_told_once_and_again_after_another_try(job: Job, caller: Caller, site: Site) -> None:
    webhook_create(f"{site.address}/hook", [WebhookEvent.JOB_FINISHED])
    gone = made_job(caller, UrlInputs([f"{site.address}/missing"]))
    work_through()
    jobs_finish_over()
    told = [row.payload["data"] for row in WebhookDelivery.objects.order_by("created_at", "pk")]
    assert {"job": str(job.pk), "state": "done", "done": 3, "failed": 0} in told
    assert {"job": str(gone.pk), "state": "failed", "done": 0, "failed": 1} in told
    assert len(told) == 2
    job_retry(gone)
    work_through()
    assert WebhookDelivery.objects.count() == 3


def test_a_deleted_jobs_analyses_stay_unless_asked_otherwise(job: Job, caller: Caller, empty_scene: bytes) -> None:
    work_through()
    assert job_delete(job, caller)
    assert (Job.objects.count(), JobItem.objects.count(), Analysis.objects.count()) == (0, 0, 3)
    second = made_job(caller, archive([("a.jpg", empty_scene), ("b.jpg", empty_scene)]))
    claim = items_claim(1)
    assert claim
    item_save(claim.items[0], claim.lease, analysis_result(), AnalysisRequest(b"", Source.UPLOAD), caller)
    assert job_delete(second, caller, with_analyses=True)
    assert (Job.objects.count(), Analysis.objects.count(), kept_inputs()) == (0, 3, [])


def test_a_revoked_keys_jobs_end(job: Job, caller: Caller) -> None:
    assert caller.api_key
    api_key_revoke(caller.api_key)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_an_attribute_that_the_key_lost_meanwhile_is_not_described(caller: Caller, grace_hopper: bytes) -> None:
    made_job(caller, archive([("a.jpg", grace_hopper)]))
    assert caller.api_key
    type(caller.api_key).objects.update(attributes=["age"])
    work_through()
    row = Analysis.objects.get()
    assert row.asked_attributes == [Attribute.AGE]
    assert row.faces.get().gender == ""


# URLs, earlier analyses and folders.


def test_dead_addresses_fail_alone(caller: Caller, site: Site) -> None:
    urls = [f"{site.address}/photo.jpg", f"{site.address}/missing", "http://10.0.0.1/", "ftp://x/", "nonsense"]
    job = made_job(caller, UrlInputs(urls))
    work_through()
    assert states(job) == ["done", *["failed"] * 4]
    assert codes(job) == ["", "url_fetch_failed", *["url_forbidden"] * 3]


def test_an_addresss_secrets_are_shown_to_nobody_and_forgotten_when_it_is_done(caller: Caller, site: Site) -> None:
    job = made_job(caller, UrlInputs([f"{site.address}/photo.jpg?token=secret"]))
    assert job.items.get().name == f"{site.address}/photo.jpg"
    work_through()
    assert job.items.get().location == ""
    assert without_query("https://user:password@host/a?b=c#d") == "https://host/a"


def test_earlier_analyses_are_described_anew_and_stay_their_subjects(caller: Caller, grace_hopper: bytes) -> None:
    kept = stored_analysis(caller, data=grace_hopper, image=True, subject="x", ttl_days=3)
    without = stored_analysis(caller)
    strangers = stored_analysis(Caller(api_key=api_key_create("other")[0]), data=grace_hopper, image=True)
    job = made_job(caller, AnalysisInputs([kept.pk, without.pk, strangers.pk]))
    work_through()
    assert (states(job), codes(job)) == (["done", "failed", "failed"], ["", "not_found", "not_found"])
    row = job.items.get(index=0).analysis
    assert row
    assert row.pk != kept.pk
    assert (row.subject, row.expires_at, row.face_count, row.source) == ("x", kept.expires_at, 1, Source.UPLOAD)


def test_who_erases_an_analysis_while_it_is_described_anew_wins(
    caller: Caller, grace_hopper: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = stored_analysis(caller, data=grace_hopper, image=True, subject="x")
    job = made_job(caller, AnalysisInputs([earlier.pk]), image=True)

    def erased_meanwhile(*_: object) -> AnalysisResult:
        subject_erase("x", caller)
        return analysis_result()

    with monkeypatch.context() as patch:
        patch.setattr(EnginePool, "analyze", erased_meanwhile)
        work_through()
    assert (states(job), codes(job)) == (["failed"], [ItemCode.NOT_FOUND])
    assert Analysis.objects.count() == 0
    assert [file for folder, _, files in os.walk(default_storage.location) for file in files] == []


def test_a_picture_is_written_before_the_transaction_that_saves_it(
    caller: Caller, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite allows one writer at a time, so a slow write inside the transaction would block all others."""
    inside: list[int] = []
    save = Storage.save

    def noted(*arguments: Any, **options: Any) -> str:
        inside.append(len(connection.savepoint_ids))
        return save(*arguments, **options)

    made_job(caller, archive([("a.jpg", empty_scene)]), image=True)
    monkeypatch.setattr(Storage, "save", noted)
    work_through()
    assert inside == [len(connection.savepoint_ids)]
    assert Analysis.objects.get().picture
