"""Job items are claimed with leases, in a fair order, and their results are written once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cv.choices import ItemState, JobState, Source
from cv.jobs.errors import ItemCode
from cv.models import Analysis, Job, JobItem
from cv.services import (
    LeaseLost,
    api_key_create,
    item_fail,
    item_save,
    items_claim,
    items_renew,
    items_return,
    jobs_finish_over,
    work_is_waiting,
)
from cv.services.analyses import AnalysisRequest
from cv.services.job_items import MAX_ATTEMPTS
from cv.trust.caller import Caller
from tests.factories import analysis_result, face_result
from tests.jobs import archive, codes, made_job

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def job(caller: Caller, empty_scene: bytes) -> Job:
    """A job of three images without a face."""
    return made_job(caller, archive((f"{name}.jpg", empty_scene) for name in "abc"))


def test_a_claim_is_taken_once_until_its_lease_ends(job: Job) -> None:
    now = timezone.now()
    first = items_claim(2, now)
    second = items_claim(2, now)
    assert first
    assert second
    assert [item.index for item in first.items] == [0, 1]
    assert [item.index for item in second.items] == [2]
    assert items_claim(2, now) is None
    assert not work_is_waiting(now)
    job.refresh_from_db()
    assert (job.state, job.started_at) == (JobState.RUNNING, now)

    assert items_renew({item.pk: first.lease for item in first.items}, now + timedelta(seconds=50)) == 2
    # The second worker's lease has ended, so its image is claimed again, alone.
    again = items_claim(10, now + timedelta(seconds=61))
    assert again
    assert ([item.index for item in again.items], again.alone) == ([2], True)


def test_a_worker_that_lost_its_lease_writes_nothing(job: Job, caller: Caller) -> None:
    now = timezone.now()
    slow = items_claim(1, now)
    JobItem.objects.filter(index__gt=0).update(state="cancelled", due_at=None)
    quick = items_claim(1, now + timedelta(seconds=61))
    assert slow
    assert quick
    assert slow.items[0].pk == quick.items[0].pk
    request = AnalysisRequest(b"", Source.UPLOAD)
    with pytest.raises(LeaseLost):
        item_save(slow.items[0], slow.lease, analysis_result(), request, caller)
    with pytest.raises(LeaseLost):
        item_fail(slow.items[0], slow.lease, "x", "x")
    assert items_renew({slow.items[0].pk: slow.lease}) == items_return({slow.items[0].pk: slow.lease}) == 0
    assert Analysis.objects.count() == 0

    item_save(quick.items[0], quick.lease, analysis_result(face_result()), request, caller)
    with pytest.raises(LeaseLost):
        item_save(quick.items[0], quick.lease, analysis_result(face_result()), request, caller)
    assert Analysis.objects.count() == 1


def test_an_image_is_ended_without_a_lock_on_its_job(job: Job) -> None:
    """A cancellation locks the job first and then its images: the two would wait for each other."""
    claim = items_claim(1, timezone.now())
    assert claim
    with CaptureQueriesContext(connection) as queries:
        item_fail(claim.items[0], claim.lease, "x", "x")
    assert not [query["sql"] for query in queries if '"cv_job"' in query["sql"] or "`cv_job`" in query["sql"]]


def test_an_image_that_takes_every_worker_down_is_given_up(job: Job) -> None:
    JobItem.objects.filter(index__gt=0).update(state="cancelled", due_at=None)
    now = timezone.now()
    for attempt in range(MAX_ATTEMPTS):
        claim = items_claim(5, now + timedelta(hours=attempt))
        assert claim
        assert claim.alone == (attempt > 0)
    assert items_claim(5, now + timedelta(hours=MAX_ATTEMPTS)) is None
    assert codes(job)[0] == ItemCode.WORKER_LOST
    assert jobs_finish_over() == 1
    job.refresh_from_db()
    assert job.state == JobState.FAILED


def test_items_given_back_are_taken_again_as_if_they_had_not_been(job: Job) -> None:
    claim = items_claim(3)
    assert claim
    assert items_return({item.pk: claim.lease for item in claim.items}) == 3
    again = items_claim(3)
    assert again
    assert (len(again.items), again.alone, again.items[0].attempts) == (3, False, 0)


def test_turns_go_by_priority_and_then_round_the_callers(caller: Caller, empty_scene: bytes) -> None:
    other = Caller(api_key=api_key_create("other")[0])
    files = [(f"{n}.jpg", empty_scene) for n in range(4)]
    first, second = made_job(caller, archive(files)), made_job(caller, archive(files))
    theirs, urgent = made_job(other, archive(files)), made_job(other, archive(files[:1]), priority=1)
    order = []
    while claim := items_claim(2):
        order.append(claim.job.pk)
    assert order[0] == urgent.pk
    # The other caller has just been served. From here on, callers alternate, and so do the first caller's two jobs.
    assert order[1:] == [first.pk, theirs.pk, second.pk, theirs.pk, first.pk, second.pk]


def test_item_states_and_leases_agree_in_the_database(job: Job) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        JobItem.objects.filter(job=job).update(state=ItemState.DONE)


def test_a_worker_takes_no_more_of_a_caller_than_it_has_room_for(job: Job, empty_scene: bytes) -> None:
    key, _ = api_key_create("another")
    theirs = made_job(Caller(api_key=key), archive([("d.jpg", empty_scene)]))
    greedy = f"key:{job.api_key_id}"
    claims = [items_claim(10, room_for=lambda account: 2 if account == greedy else 5) for _ in range(2)]
    assert {claim.job.pk: len(claim.items) for claim in claims if claim} == {job.pk: 2, theirs.pk: 1}
    assert items_claim(10, room_for=lambda account: 0) is None
    assert items_claim(10, room_for=lambda account: 0, only=job.pk) is not None
