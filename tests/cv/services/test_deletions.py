"""Deletions are complete and audited, and do not block other writers."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from cv.choices import AuditAction, JobState, Scope, WebhookEvent
from cv.files.stores import StorageUnavailable
from cv.models import Analysis, ApiKey, AuditEvent, Erasure, FileToDelete, IdempotentRequest, Job, JobItem, Webhook
from cv.services import (
    analysis_delete,
    api_key_create,
    expired_purge,
    job_delete,
    jobs_delete_further,
    subject_erase,
    user_delete,
    webhook_create,
)
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis
from tests.jobs import archive, kept_inputs, made_job, work_through

pytestmark = pytest.mark.usefixtures("db")
Held = Callable[[], Any]


@pytest.fixture
def analysis(user: User, empty_scene: bytes) -> Analysis:
    """A user's analysis with a picture and a face."""
    return stored_analysis(Caller(user=user), face_result(), data=empty_scene, image=True, subject="Jane")


@pytest.fixture
def job(user: User, empty_scene: bytes) -> Job:
    """A user's job of two pending images."""
    return made_job(Caller(user=user), archive([("a.jpg", empty_scene), ("b.jpg", empty_scene)]))


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def expire() -> None:
    past = timezone.now() - timedelta(days=2)
    Analysis.objects.update(created_at=past, expires_at=past + timedelta(days=1))


# Each way to delete something that has files, as a call.
WAYS: dict[str, Callable[[Analysis, Job, Caller], object]] = {
    "analysis": lambda analysis, job, caller: analysis_delete(analysis, caller),
    "subject": lambda analysis, job, caller: subject_erase("Jane", caller),
    "job": lambda analysis, job, caller: job_delete(job, caller),
    "user": lambda analysis, job, caller: user_delete(User.objects.get(username="ada"), caller),
    "time": lambda analysis, job, caller: (expire(), expired_purge()),
}
every_way = pytest.mark.parametrize("way", WAYS)


@every_way
def test_no_transaction_waits_for_files(
    way: str, analysis: Analysis, job: Job, user: User, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, within = files_in(pictures), list[int]()
    delete, depth = type(default_storage._wrapped).delete, len(connection.savepoint_ids)  # type: ignore[attr-defined]

    def noticed(storage: Any, name: str) -> None:
        within.append(len(connection.savepoint_ids) - depth)
        delete(storage, name)

    monkeypatch.setattr(type(default_storage._wrapped), "delete", noticed)  # type: ignore[attr-defined]
    WAYS[way](analysis, job, Caller(user=user))
    assert len(files_in(pictures)) < len(before) == 3
    assert within
    assert set(within) == {0}
    assert FileToDelete.objects.count() == 0


@every_way
def test_a_process_that_is_killed_before_the_files_leaves_them_to_the_purge(
    way: str, analysis: Analysis, job: Job, user: User, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("cv.services.deletions.delete_kept", killed)
        with pytest.raises(SystemExit):
            WAYS[way](analysis, job, Caller(user=user))
    assert len(files_in(pictures)) == 3
    left = FileToDelete.objects.count()
    assert left >= 1
    assert not (Analysis.objects.filter(pk=analysis.pk).exists() and Job.objects.filter(pk=job.pk).exists())
    assert expired_purge().files == left
    kept = [str(analysis.picture.name)] * Analysis.objects.count() + kept_inputs()
    assert files_in(pictures) == sorted(kept)
    assert len(kept_inputs()) == 2 * Job.objects.count()


def test_an_erasure_that_was_stopped_before_the_files_is_gone_on_with_and_its_receipt_tells_all(
    analysis: Analysis, user: User, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(user=user)
    with monkeypatch.context() as patch:
        patch.setattr("cv.services.deletions.delete_kept", away)
        with pytest.raises(StorageUnavailable):
            subject_erase("Jane", caller)
    assert (Analysis.objects.count(), len(files_in(pictures))) == (0, 1)
    # The waiting erasure does not contain the subject's name.
    assert "Jane" not in str(list(Erasure.objects.values()))
    receipt = subject_erase("Jane", caller)["receipt"]
    assert (receipt["deleted"]["analyses"], receipt["deleted"]["pictures"]) == (1, 1)
    assert files_in(pictures) == []
    assert AuditEvent.objects.get(action=AuditAction.SUBJECT_ERASE).objects_named == [receipt["id"]]
    with pytest.raises(Analysis.DoesNotExist):
        subject_erase("Jane", caller)


def test_a_subject_of_more_rows_than_a_transaction_takes_is_erased_whole(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cv.services.subjects.DELETE_BATCH", 2)
    for _ in range(5):
        stored_analysis(Caller(user=user), face_result(), subject="Jane")
    assert subject_erase("Jane", Caller(user=user))["receipt"]["deleted"]["analyses"] == 5
    lines = AuditEvent.objects.filter(action=AuditAction.SUBJECT_ERASE).order_by("pk")
    assert [line.count for line in lines] == [2, 2, 1]
    assert Analysis.objects.count() == 0


def away(*_: object) -> None:
    raise StorageUnavailable


@pytest.fixture
def unaudited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot store another audit event."""

    def full(**_: object) -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(AuditEvent.objects, "create", full)


@pytest.mark.parametrize("way", ["analysis", "subject", "job", "user"])
def test_what_cannot_be_audited_is_not_deleted(
    way: str, analysis: Analysis, job: Job, user: User, pictures: Path, unaudited: None
) -> None:
    before = files_in(pictures)
    with pytest.raises(DatabaseError):
        WAYS[way](analysis, job, Caller(user=user))
    assert Analysis.objects.get() == analysis
    assert Job.objects.get().state == JobState.PENDING
    assert JobItem.objects.filter(due_at__isnull=False).count() == 2
    assert User.objects.get(pk=user.pk).is_active
    assert files_in(pictures) == before
    assert (FileToDelete.objects.count(), Erasure.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/api/v1/api-keys/{key}", {}),
        ("PATCH", "/api/v1/api-keys/{key}", {"name": "other"}),
        ("DELETE", "/api/v1/webhooks/{hook}", {}),
        ("PATCH", "/api/v1/webhooks/{hook}", {"active": False}),
        ("POST", "/api/v1/jobs/{job}/cancel", {}),
    ],
)
def test_what_cannot_be_audited_is_not_changed(
    method: str, path: str, body: Any, client_of: Callable[[str], APIClient], empty_scene: bytes, unaudited: None
) -> None:
    row, text = api_key_create("admin", scopes=list(Scope))
    hook, _ = webhook_create("https://example.org/", [WebhookEvent.ANALYSIS_CREATED])
    job = made_job(Caller(api_key=row), archive([("a.jpg", empty_scene)]))
    address = path.format(key=row.pk, hook=hook.pk, job=job.pk)
    answer = client_of(text).generic(method, address, b'{"name": "other"}' if "name" in body else b"{}",
                                     content_type="application/json")  # fmt: skip
    assert answer.status_code == 500
    assert ApiKey.objects.filter(name="admin", revoked_at__isnull=True).count() == 1
    assert Webhook.objects.filter(active=True).count() == 1
    assert Job.objects.get().state == JobState.PENDING


def test_in_the_admin_what_cannot_be_audited_is_not_deleted(
    analysis: Analysis, job: Job, client: Client, unaudited: None
) -> None:
    client.force_login(User.objects.create_superuser("root"))
    for path in (f"analysis/{analysis.pk}", f"job/{job.pk}"):
        with pytest.raises(DatabaseError):
            client.post(f"/admin/cv/{path}/delete/", {"post": "yes"})
    assert (Analysis.objects.count(), Job.objects.count()) == (1, 1)


def test_the_admin_deletes_files_outside_of_transactions_and_keeps_no_names(
    analysis: Analysis, job: Job, client: Client, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth, within = len(connection.savepoint_ids), list[int]()
    monkeypatch.setattr(
        "cv.services.analyses.files_remove", lambda names: within.append(len(connection.savepoint_ids) - depth)
    )
    client.force_login(User.objects.create_superuser("root"))
    assert client.post(f"/admin/cv/analysis/{analysis.pk}/delete/", {"post": "yes"}).status_code == 302
    assert within == [0]
    assert LogEntry.objects.count() == 0


@pytest.mark.parametrize("by", ["admin", "shell"])
def test_deleting_a_user_leaves_nothing_of_theirs(
    by: str, analysis: Analysis, job: Job, user: User, client: Client, pictures: Path
) -> None:
    mine, _ = api_key_create("of ada", user=user)
    stored_analysis(Caller(user=user, api_key=mine), face_result(), subject="Jane")
    others = stored_analysis(Caller(user=User.objects.create_user("grace")), face_result())
    client.force_login(User.objects.create_superuser("root"))
    if by == "admin":
        people = ContentType.objects.get_for_model(User)
        about = {"content_type": people, "object_id": str(user.pk), "object_repr": "ada", "action_flag": CHANGE}
        LogEntry.objects.create(user=User.objects.get(username="root"), **about)
        question = client.get(f"/admin/auth/user/{user.pk}/delete/").content.decode()
        assert "Analyses: 2" in question
        assert client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 302
        assert AuditEvent.objects.filter(action=AuditAction.USER_DELETE).get().objects_named == [str(user.pk)]
        assert not LogEntry.objects.filter(object_repr__contains="ada").exists()
    else:
        user.delete()
        assert expired_purge().files == 2
    assert list(Analysis.objects.all()) == [others]
    assert (Job.objects.count(), ApiKey.objects.count(), files_in(pictures)) == (0, 0, [])
    assert not User.objects.filter(username="ada").exists()


@pytest.fixture
def large(api: APIClient, caller: Caller, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A finished job of three images, which counts as too large to be deleted at once."""
    monkeypatch.setattr("cv.services.job_deletion.AT_ONCE", 2)
    job = made_job(caller, archive([(f"{number}.jpg", empty_scene) for number in range(3)]), image=True)
    work_through()
    return job


def test_a_large_job_is_deleted_in_the_background_and_audited_from_the_start(
    api: APIClient, large: Job, pictures: Path
) -> None:
    address = f"/api/v1/jobs/{large.pk}"
    begun = api.delete(f"{address}?analyses=true")
    assert (begun.status_code, begun.json()["state"]) == (202, "deleting")
    assert Analysis.objects.count() == 3
    line = AuditEvent.objects.get(action=AuditAction.JOB_DELETE)
    assert (line.objects_named, line.count) == ([str(large.pk)], 4)
    assert api.get(address).json()["state"] == "deleting"
    for change in ("cancel", "pause", "resume", "retry"):
        assert api.post(f"{address}/{change}", {}).status_code == 409
    # Repeating the request starts no second deletion.
    assert api.delete(address).status_code == 202
    assert jobs_delete_further() == 1
    assert api.get(address).status_code == 404
    assert (Job.objects.count(), JobItem.objects.count(), Analysis.objects.count()) == (0, 0, 0)
    assert files_in(pictures) == []


def test_a_deletion_tells_how_far_it_is_and_goes_on_where_it_was_stopped(
    api: APIClient, large: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(seconds: float) -> None:
        raise SystemExit

    monkeypatch.setattr("cv.services.job_deletion.DELETE_BATCH", 1)
    api.delete(f"/api/v1/jobs/{large.pk}?analyses=true")
    with monkeypatch.context() as patch:
        patch.setattr("cv.services.job_deletion.time.sleep", stopped)
        with pytest.raises(SystemExit):
            jobs_delete_further()
    shown = api.get(f"/api/v1/jobs/{large.pk}").json()
    assert (shown["images"], shown["counts"]["done"], Analysis.objects.count()) == (3, 2, 2)
    assert expired_purge().analyses == 0
    assert (Job.objects.count(), Analysis.objects.count()) == (0, 0)


def test_a_large_jobs_analyses_stay_unless_asked_otherwise(api: APIClient, large: Job) -> None:
    assert api.delete(f"/api/v1/jobs/{large.pk}").status_code == 202
    jobs_delete_further()
    assert (Job.objects.count(), Analysis.objects.count()) == (0, 3)


def test_answers_to_requests_go_with_what_they_tell_of(api: APIClient, empty_scene: bytes) -> None:
    made = api.post(
        "/api/v1/jobs", {"urls": ["https://example.org/a.jpg"]}, HTTP_IDEMPOTENCY_KEY="k", format="json"
    ).json()
    assert api.delete(f"/api/v1/jobs/{made['id']}").status_code == 204
    assert IdempotentRequest.objects.count() == 0


def test_the_purge_looks_for_pictures_a_few_at_a_time(
    user: User, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch, pictures: Path
) -> None:
    """The names of all pictures are never in memory at once."""
    monkeypatch.setattr("cv.services.purge.LOOKED_AT", 2)
    monkeypatch.setattr("cv.services.purge.ORPHAN_AGE", timedelta(seconds=-1))
    rows = [stored_analysis(Caller(user=user), data=empty_scene, image=True) for _ in range(5)]
    Analysis.objects.filter(pk__in=[rows[1].pk, rows[4].pk]).update(picture="")
    assert expired_purge().pictures == 2
    assert files_in(pictures) == sorted(str(rows[number].picture.name) for number in (0, 2, 3))
