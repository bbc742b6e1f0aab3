"""Jobs from a command's folder are processed by that command alone."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from cv.jobs.local import LocalInputs
from cv.models import Job
from cv.services import expired_purge, items_claim
from cv.services.job_items import work_is_waiting
from cv.serving import engines
from cv.trust.caller import Caller
from cv.workers.worker import Worker
from tests.jobs import made_job, states

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def job(caller: Caller, tmp_path: Path, empty_scene: bytes) -> Job:
    (tmp_path / "a.jpg").write_bytes(empty_scene)
    return made_job(caller, LocalInputs(tmp_path))


def test_no_other_worker_takes_its_images(job: Job) -> None:
    assert not work_is_waiting()
    assert items_claim(10) is None
    claim = items_claim(10, only=job.pk)
    assert claim is not None
    assert [item.name for item in claim.items] == ["a.jpg"]


def test_its_command_takes_nothing_else(job: Job, caller: Caller, tmp_path: Path) -> None:
    other = made_job(caller, LocalInputs(tmp_path))
    assert Worker(engines.served_engine(), 1, only=job.pk)._only == job.pk
    items_claim(10, only=job.pk)
    assert items_claim(10, only=job.pk) is None
    assert states(other) == ["pending"]


def test_one_that_nobody_came_back_to_goes_in_time(job: Job) -> None:
    expired_purge(timezone.now() + timedelta(days=29))
    assert states(job) == ["pending"]
    expired_purge(timezone.now() + timedelta(days=31))
    assert not Job.objects.exists()
