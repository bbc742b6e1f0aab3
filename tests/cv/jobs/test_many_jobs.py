"""The cost of a claim and of a list does not grow with the number of waiting or running jobs."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from cv.choices import ItemState, JobSource, JobState
from cv.jobs.progress import statuses_of
from cv.models import Job, JobItem
from cv.services import items_claim
from cv.services.job_turns import jobs_in_turn
from cv.trust.caller import Caller

CLAIMS = 15


def add_jobs(caller: Caller, count: int, started: bool = False) -> list[Job]:
    """Adds jobs of three images. If ``started``, one image was done a second ago and one ten minutes ago."""
    now = timezone.now()
    jobs = [
        Job(
            api_key=caller.api_key, owner=caller.user, source=JobSource.URLS, item_count=3, min_face_px=40,
            max_faces=10, asked_attributes=[], created_at=now - timedelta(hours=1),
            state=JobState.RUNNING if started else JobState.PENDING,
            started_at=now - timedelta(minutes=30) if started else None,
            claimed_at=now - timedelta(seconds=index) if started else None,
        )
        for index in range(count)
    ]  # fmt: skip
    Job.objects.bulk_create(jobs, batch_size=500)
    done = [now - timedelta(seconds=1), now - timedelta(minutes=10)] if started else []
    JobItem.objects.bulk_create(
        [
            JobItem(job=job, index=index, state=ItemState.DONE, finished_at=done[index])
            if index < len(done)
            else JobItem(job=job, index=index, due_at=now - timedelta(hours=1))
            for job in jobs
            for index in range(3)
        ],
        batch_size=500,
    )
    return jobs


def cpu_of_a_claim() -> float:
    """CPU seconds of the fastest of several claims, so that other load on the machine does not count."""
    found = []
    for _ in range(CLAIMS):
        start = time.thread_time()
        assert items_claim(1) is not None
        found.append(time.thread_time() - start)
    return min(found)


@pytest.mark.parametrize("started", [False, True], ids=["new", "started"])
def test_a_claim_costs_the_same_with_thousands_of_jobs_waiting(
    caller: Caller, started: bool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add_jobs(caller, 20, started)
    with_ten = cpu_of_a_claim()
    add_jobs(caller, 5000, started)
    # Two find the job, four claim its items, and two begin and end the transaction.
    with django_assert_num_queries(8):
        claim = items_claim(1)
        assert claim is not None
        assert Caller(claim.job.owner, claim.job.api_key) == caller
    with_thousands = cpu_of_a_claim()
    assert with_thousands < 2.5 * with_ten, f"{with_ten * 1000:.1f} ms became {with_thousands * 1000:.1f} ms"


def test_if_other_workers_took_a_callers_next_jobs_those_after_them_follow(caller: Caller) -> None:
    waiting = add_jobs(caller, 3)
    running = add_jobs(caller, 2, started=True)
    now = timezone.now()
    found = [job for job, _ in jobs_in_turn(now, lambda account: 1)]
    assert set(found[:2]) == {found[0], running[1]}
    assert set(found) == {*waiting, *running}
    assert len(found) == 5
    assert list(jobs_in_turn(now, lambda account: 0)) == []


def test_a_list_of_running_jobs_is_two_queries(
    api: APIClient, caller: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add_jobs(caller, 20, started=True)
    with django_assert_num_queries(2):
        statuses = statuses_of(Job.objects.filter(api_key=caller.api_key))
    assert [status.counts for status in statuses] == [
        dict.fromkeys(ItemState.values, 0) | {"done": 2, "pending": 1}
    ] * 20
    assert [round(60 * (status.images_per_second or 0)) for status in statuses] == [1] * 20
    assert [round(status.seconds_left or 0) for status in statuses] == [60] * 20
    api.get("/api/v1/jobs")
    # One more query finds the key.
    with django_assert_num_queries(3):
        assert len(api.get("/api/v1/jobs", {"page_size": 20}).json()["results"]) == 20
