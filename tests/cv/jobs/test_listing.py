"""Archives are listed by workers: in batches, once, and by one worker at a time, whatever happens meanwhile."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from cv.choices import JobState, WebhookEvent
from cv.files.local import LocalStore
from cv.files.stores import StorageUnavailable
from cv.jobs.inputs import ArchiveInputs, folder_of
from cv.models import AuditEvent, Job, JobItem, WebhookDelivery
from cv.services import (
    api_key_create,
    items_claim,
    job_cancel,
    job_delete,
    job_listing,
    job_pause,
    job_resume,
    jobs_finish_over,
    subject_erase,
    webhook_create,
)
from cv.services.job_listing import Listing, archive_list, listing_claim, listing_is_waiting
from cv.services.purge import expired_purge
from cv.trust.caller import Caller
from tests.archives import tar_gz_of, zip_of
from tests.jobs import archive, kept_inputs, list_archives, new_job, states

pytestmark = pytest.mark.usefixtures("db")

FILES = [(f"{number}.jpg", b"%d" % number) for number in range(7)]
NAMES = [name for name, _ in FILES]


class Killed(BaseException):
    """Stands for SIGKILL: nothing handles it."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_listing, "INSERT_BATCH", 2)


@pytest.fixture
def other(db: None) -> Caller:
    return Caller(api_key=api_key_create("other")[0])


def claimed(now_s: float = 0) -> Listing:
    listing = listing_claim(timezone.now() + timedelta(seconds=now_s))
    assert listing
    return listing


def listed(job: Job) -> list[str]:
    return list(job.items.order_by("index").values_list("name", flat=True))


def read(name: str) -> bytes:
    with default_storage.open(name) as file:
        return bytes(file.read())


def content(job: Job) -> list[bytes]:
    return [read(item.location) for item in job.items.order_by("index")]


def test_an_archive_is_kept_as_it_is_until_it_is_listed(caller: Caller) -> None:
    data = zip_of(FILES)
    job = new_job(caller, ArchiveInputs(io.BytesIO(data)))
    assert (job.state, job.item_count, kept_inputs()) == (JobState.LISTING, 0, [f"jobs/{job.pk.hex}/archive"])
    assert read(job.archive) == data
    # Neither a worker nor a sweep takes it for a job without images.
    assert (items_claim(10), jobs_finish_over(), listing_is_waiting()) == (None, 0, True)
    list_archives()
    job.refresh_from_db()
    assert (job.state, job.item_count, job.archive, listed(job)) == (JobState.PENDING, 7, "", NAMES)
    assert content(job) == [data for _, data in FILES]
    assert kept_inputs() == sorted(f"jobs/{job.pk.hex}/{index}" for index in range(7))
    assert not listing_is_waiting()


def test_progress_shows_while_it_is_listed_and_no_image_is_handed_out(caller: Caller) -> None:
    job = new_job(caller, archive(FILES))
    seen: list[tuple[str, int, int]] = []

    def look() -> bool:
        row = Job.objects.get()
        seen.append((row.state, row.item_count, JobItem.objects.count()))
        assert items_claim(1) is None
        return False

    archive_list(claimed(), look)
    assert seen == [("listing", count, count) for count in (2, 4, 6)]
    assert listed(job) == NAMES


@pytest.mark.parametrize("pack", [zip_of, tar_gz_of])
@pytest.mark.parametrize("stored", range(7))
def test_a_worker_that_is_killed_anywhere_is_succeeded_by_another(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, pack: Any, stored: int
) -> None:
    job = new_job(caller, ArchiveInputs(io.BytesIO(pack(FILES))))
    left = [stored]
    save = LocalStore.save

    def killed_later(self: LocalStore, *arguments: Any, **options: Any) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return save(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "save", killed_later)
        with pytest.raises(Killed):
            archive_list(claimed(), lambda: False)
    assert job.items.count() == stored // 2 * 2
    # Until the lease ends, it may still be alive.
    assert listing_claim() is None
    archive_list(claimed(61), lambda: False)
    job.refresh_from_db()
    assert (job.state, job.item_count, listed(job)) == (JobState.PENDING, 7, NAMES)
    assert content(job) == [data for _, data in FILES]


def test_an_archive_at_which_three_workers_died_is_given_up(
    caller: Caller, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job = new_job(caller, archive(FILES))
    for attempt in range(3):
        claimed(61 * attempt)
    with django_capture_on_commit_callbacks(execute=True):
        archive_list(claimed(61 * 3), lambda: False)
    job.refresh_from_db()
    assert (job.state, job.error_code, kept_inputs()) == (JobState.FAILED, "worker_lost", [])


def test_the_worker_that_comes_late_writes_nothing(caller: Caller) -> None:
    job = new_job(caller, archive(FILES))
    late, second = claimed(), claimed(61)
    archive_list(late, lambda: False)
    assert job.items.count() == 0
    archive_list(second, lambda: False)
    archive_list(late, lambda: False)
    assert listed(job) == NAMES


def test_a_refusal_after_some_batches_leaves_nothing_and_is_told(
    caller: Caller, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    webhook_create("https://example.org/", [WebhookEvent.JOB_FINISHED])
    settings.XCLOUD_JOB_MAX_ITEMS = 6
    # A TAR has no list, so that the seventh entry is found last.
    job = new_job(caller, ArchiveInputs(io.BytesIO(tar_gz_of(FILES))))
    most: list[int] = []
    with django_capture_on_commit_callbacks(execute=True):
        archive_list(claimed(), lambda: most.append(JobItem.objects.count()) or False)
    assert max(most) == 6
    job.refresh_from_db()
    assert (job.state, job.error_code, job.item_count) == (JobState.FAILED, "too_many_items", 0)
    assert job.error_message == "the archive has more than 6 entries"
    assert (JobItem.objects.count(), kept_inputs()) == (0, [])
    assert [row.payload["data"]["state"] for row in WebhookDelivery.objects.all()] == ["failed"]


def test_a_pause_stops_the_listing_and_resuming_goes_on_with_it(caller: Caller) -> None:
    job = new_job(caller, archive(FILES))
    archive_list(claimed(), lambda: job_pause(job).state == "never")
    # The batch that was in progress is still written.
    assert (job.items.count(), listing_claim(), listing_is_waiting()) == (4, None, False)
    assert (items_claim(1), jobs_finish_over()) == (None, 0)
    assert job_resume(job).state == JobState.LISTING
    list_archives()
    assert listed(job) == NAMES
    assert Job.objects.get().state == JobState.PENDING


def test_a_worker_that_stops_gives_the_archive_back_at_once(caller: Caller) -> None:
    job = new_job(caller, archive(FILES))
    archive_list(claimed(), lambda: True)
    assert job.items.count() == 2
    archive_list(claimed(), lambda: False)
    assert listed(job) == NAMES


@pytest.mark.parametrize("end", ["cancelled", "deleted", "erased"])
@pytest.mark.parametrize("during", [False, True])
def test_what_ends_while_it_is_listed_leaves_no_file_and_no_item(
    caller: Caller, end: str, during: bool, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    job = new_job(caller, archive(FILES), subject="jane")

    def ended() -> bool:
        match end:
            case "cancelled":
                job_cancel(job)
            case "deleted":
                job_delete(job, caller)
            case "erased":
                subject_erase("jane", caller)
        return False

    with django_capture_on_commit_callbacks(execute=True):
        if during:
            archive_list(claimed(), lambda: Job.objects.filter(listing_lease__gt="").exists() and ended())
        else:
            ended()
    assert kept_inputs() == []
    assert not listing_is_waiting()
    if end == "cancelled":
        row = Job.objects.get()
        assert (row.state, row.archive, set(states(job))) == (
            JobState.CANCELLED, "", {"cancelled"} if during else set(),
        )  # fmt: skip
    else:
        assert (Job.objects.count(), JobItem.objects.count()) == (0, 0)


def test_an_outage_of_the_storage_is_waited_for_but_not_for_ever(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    def away(*_: Any, **__: Any) -> str:
        raise StorageUnavailable

    job, full = new_job(caller, archive(FILES)), LocalStore.save
    monkeypatch.setattr(LocalStore, "save", away)
    archive_list(claimed(), lambda: False)
    assert listing_claim() is None
    monkeypatch.setattr(LocalStore, "save", full)
    archive_list(claimed(31), lambda: False)
    assert listed(job) == NAMES
    never = new_job(caller, archive(FILES))
    monkeypatch.setattr(LocalStore, "save", away)
    with django_capture_on_commit_callbacks(execute=True):
        for attempt in range(3):
            archive_list(claimed(31 * attempt), lambda: False)
    never.refresh_from_db()
    assert (never.state, never.error_code) == (JobState.FAILED, "storage_unavailable")
    assert [name for name in kept_inputs() if name.startswith(folder_of(never.pk))] == []


def test_an_archive_that_is_gone_fails_its_job(caller: Caller) -> None:
    job = new_job(caller, archive(FILES))
    default_storage.delete(job.archive)
    list_archives()
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "not_found")


def test_callers_take_turns_and_each_has_one_archive_listed_at_a_time(caller: Caller, other: Caller) -> None:
    greedy = [new_job(caller, archive(FILES[:1])) for _ in range(3)]
    modest = new_job(other, archive(FILES[:1]))
    urgent = new_job(other, archive(FILES[:1]), priority=1)
    order: list[Any] = []
    first = claimed()
    order.append(first.job.pk)
    second = claimed()
    order.append(second.job.pk)
    # Both callers have one in progress.
    assert listing_claim() is None
    for listing in (second, first):
        archive_list(listing, lambda: False)
    while listing := listing_claim():
        order.append(listing.job.pk)
        archive_list(listing, lambda: False)
    # After the urgent one, its caller was served last.
    assert order == [urgent.pk, greedy[0].pk, modest.pk, greedy[1].pk, greedy[2].pk]


def test_the_purge_keeps_an_archive_as_long_as_its_job_needs_it(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_inputs(_: Any) -> Iterator[Any]:
        yield from [(pk, names) for pk, names in old(timezone.now() + timedelta(days=1))]

    from cv.services import purge

    old = purge.inputs_before
    monkeypatch.setattr(purge, "inputs_before", all_inputs)
    job = job_pause(new_job(caller, archive(FILES)))
    assert expired_purge().inputs == 0
    job_resume(job)
    list_archives()
    assert listed(job) == NAMES
    left = default_storage.save(f"{folder_of(job.pk)}archive", ContentFile(b"left by a killed worker"))
    assert expired_purge().inputs == 1
    assert not default_storage.exists(left)
    assert content(job) == [data for _, data in FILES]
    assert AuditEvent.objects.count() == 0
