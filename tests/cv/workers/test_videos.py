"""A worker notes how far a video is, and gives it up as soon as its answer is not wanted any more."""

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from cv.choices import ItemState
from cv.engine.pool import EnginePool
from cv.engine.video.types import VideoOptions, VideoQuestion
from cv.files.stores import StorageUnavailable
from cv.jobs.videos import VideoInputs
from cv.models import Job, JobItem
from cv.services import LeaseLost, items_claim, job_cancel
from cv.trust.caller import Caller
from cv.workers import videos, worker
from cv.workers.videos import Stopped, read_video, video_options, video_request
from cv.workers.worker import Task, Worker
from tests.jobs import kept_inputs, made_job

pytestmark = pytest.mark.usefixtures("db")


class Engines(EnginePool):
    """Tells of three parts; ``meanwhile`` is called before the second one."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.meanwhile, self.told, self.asked = meanwhile, list[float](), list[VideoQuestion]()

    def read_video(self, question: VideoQuestion, on_part: Any = None, patience_s: float | None = None) -> Any:
        self.asked.append(question)
        for part in (0.25, 0.5, 0.75):
            if part == 0.5:
                self.meanwhile()
            on_part(part)
            self.told.append(part)
        raise AssertionError("read to its end")


@pytest.fixture
def claimed(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(videos, "NOTE_S", 0.0)
    made_job(caller, VideoInputs(io.BytesIO(b"GIF89a of a test"), rate=2.0))
    claim = items_claim(1)
    assert claim
    return Task(claim.items[0], claim.job, caller, claim.lease)


def test_the_engine_gets_the_kept_file_and_the_row_says_how_far_it_is(claimed: Task) -> None:
    seen: list[float] = []

    def look() -> None:
        seen.append(JobItem.objects.get(pk=claimed.item.pk).progress)

    engines = Engines(look)
    with pytest.raises(AssertionError, match="to its end"):
        read_video(engines, claimed.item, claimed.job, claimed.caller, claimed.lease, threading.Event())
    assert seen == [0.25]
    (question,) = engines.asked
    assert question.file.read_bytes() == b"GIF89a of a test"
    assert question.options == VideoOptions(rate=2.0)


def test_a_cancelled_video_is_given_up_at_the_next_part(claimed: Task) -> None:
    engines = Engines(lambda: job_cancel(claimed.job) and None)
    with pytest.raises(LeaseLost):
        read_video(engines, claimed.item, claimed.job, claimed.caller, claimed.lease, threading.Event())
    assert engines.told == [0.25]


def test_a_worker_that_stops_returns_the_video_without_an_attempt(claimed: Task) -> None:
    stop = threading.Event()
    Worker(Engines(stop.set), 1, stop).work(claimed)
    item = JobItem.objects.get(pk=claimed.item.pk)
    assert (item.state, item.attempts) == (ItemState.PENDING, 0)
    assert len(kept_inputs()) == 1


def test_a_worker_that_is_stopping_begins_no_video(claimed: Task) -> None:
    stop = threading.Event()
    stop.set()
    engines = Engines(lambda: None)
    with pytest.raises(Stopped):
        read_video(engines, claimed.item, claimed.job, claimed.caller, claimed.lease, stop)
    assert engines.asked == []


def test_the_next_worker_begins_a_lost_video_again_and_nothing_is_doubled(claimed: Task) -> None:
    JobItem.objects.filter(pk=claimed.item.pk).update(due_at=claimed.job.created_at)
    second = items_claim(1)
    assert second
    assert (second.items[0].pk, second.alone) == (claimed.item.pk, True)
    with pytest.raises(LeaseLost):
        read_video(Engines(lambda: None), claimed.item, claimed.job, claimed.caller, claimed.lease, threading.Event())
    assert Job.objects.count() == JobItem.objects.count() == 1


def test_an_outage_of_the_database_costs_a_note_and_not_the_video(
    claimed: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(videos, "item_progress", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    engines = Engines(lambda: None)
    with pytest.raises(AssertionError, match="to its end"):
        read_video(engines, claimed.item, claimed.job, claimed.caller, claimed.lease, threading.Event())
    assert engines.told == [0.25, 0.5, 0.75]


@pytest.mark.usefixtures("identity")
def test_the_age_is_computed_with_the_vectors_so_that_children_are_doubted(
    claimed: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed.job.asked_attributes = ["embedding"]
    monkeypatch.setattr(Caller, "may_compute", lambda self, asked: frozenset(asked))
    assert video_options(claimed.job, claimed.caller).attributes == {"age", "embedding"}
    assert video_request(claimed.job, claimed.caller).options.attributes == {"embedding"}


def test_an_outage_of_the_storage_is_waited_for(claimed: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[JobItem] = []

    @contextlib.contextmanager
    def away_once(item: JobItem) -> Iterator[Path]:
        tries.append(item)
        if len(tries) == 1:
            raise StorageUnavailable("away")
        yield Path("kept")

    monkeypatch.setattr(videos, "kept_video", away_once)
    monkeypatch.setattr(worker, "TRIES_S", (0.0,))
    monkeypatch.setattr(connection, "close", lambda: None)
    engines = Engines(lambda: None)
    Worker(engines, 1).work(claimed)
    assert [question.file for question in engines.asked] == [Path("kept")]
    assert JobItem.objects.get(pk=claimed.item.pk).error_code != "storage_unavailable"
