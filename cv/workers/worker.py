"""The loop that processes jobs, on one machine or many, with or without a broker.

A worker has one engine for each image that it analyzes at once, each on one core in its own process. Its threads fetch
inputs and write results in parallel, so that no engine waits for a disk or a network. The number of claimed items is
bounded, and so is memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection

from cv import bells
from cv.choices import JobSource
from cv.engine.errors import EngineError
from cv.engine.pool import EngineDied, EnginePool
from cv.engine.types import AnalysisOptions
from cv.engine.video.types import DEFAULT_RATE
from cv.files.stores import StorageUnavailable
from cv.identity.errors import IdentityRefused
from cv.identity.faces import ASKED, computed_for
from cv.jobs.errors import MENDABLE, ItemCode
from cv.jobs.inputs import KEPT_SOURCES, InputGone, Loaded, load
from cv.models import Job, JobItem
from cv.outbound.addresses import FetchError
from cv.search.base import SearchUnavailable
from cv.search.served import IndexBehind
from cv.services.analyses import AnalysisRequest, StoreOptions
from cv.services.job_items import (
    LeaseLost,
    item_fail,
    item_save,
    items_claim,
    items_renew,
    items_return,
    lease_time,
)
from cv.services.jobs import job_finish, jobs_finish_over
from cv.services.photo_searches import CollectionGone
from cv.services.videos import video_save
from cv.serving.engines import note
from cv.serving.turns import FairTurns
from cv.trust.caller import Caller
from cv.workers.listing import ArchiveListers
from cv.workers.recognition import SearchForbidden, recognise, searched_collection
from cv.workers.tasks import TaskQueue
from cv.workers.videos import Stopped, read_video, video_request

log = logging.getLogger(__name__)

# Images that are fetched, queued or written, beyond those in the engines. A dead address takes up to 15 s.
WAITING: Final = 8
# The polling interval if the bell is not rung: other processes create jobs, and leases end.
LOOK_S: Final = 1.0
# The polling interval with a broker, only to find lost messages.
SWEEP_S: Final = 10.0
# The delays between attempts during an outage of the database or the storage. The lease is prolonged, or lost.
TRIES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
AWAY: Final = (OperationalError, InterfaceError, StorageUnavailable)
# The search index may answer later, too.
NOT_YET: Final = (IndexBehind, SearchUnavailable)
# Why the faces of a photo could not be searched.
UNSEARCHED: Final = (*NOT_YET, CollectionGone, IdentityRefused, SearchForbidden)


@dataclass(frozen=True, slots=True)
class Task:
    """An item that this worker holds."""

    item: JobItem
    job: Job
    caller: Caller
    lease: str


class Worker:
    """``run`` works until ``stop`` is set. Then it finishes the images in the engines and returns the others.

    At most ``at_once`` of its threads use ``engines`` at a time. With ``only``, it works on that job alone.
    """

    def __init__(
        self, engines: EnginePool, at_once: int, stop: threading.Event | None = None, only: UUID | None = None
    ) -> None:
        self._only = only
        self._engines = engines
        self._stop = stop or threading.Event()
        self._turns = FairTurns(at_once)
        self._room = at_once + WAITING
        # The limit for one caller, so that other callers' images always find room, and the next free engine.
        self._room_of_one = self._room - self._room // 4
        self._tasks: TaskQueue[Task | None] = TaskQueue()
        # Claimed items that have not ended, by primary key.
        self._held: dict[int, Task] = {}
        self._changed = threading.Condition()
        self._closed = 0
        self._listers = ArchiveListers()

    def run(self, idle_s: float | None = None) -> int:
        """Works until stopped, or until there was no work for ``idle_s``; returns how many items it processed."""
        over = threading.Event()
        crew = [threading.Thread(target=self._serve, name=f"job-{number}") for number in range(self._room)]
        crew.append(threading.Thread(target=self._keep_leases, args=[over], name="job-leases"))
        for thread in crew:
            thread.daemon = True
            thread.start()
        if self._only is None:
            self._listers.start()
        try:
            self._lead(idle_s)
        finally:
            if self._only is None:
                self._listers.stop()
            # Queued after all tasks, so a thread ends when no task is left.
            for _ in range(self._room):
                self._tasks.put(None)
            self._wait_until(lambda: not self._held, even_if_stopped=True)
            over.set()
            for thread in crew:
                thread.join()
        return self._closed

    def _lead(self, idle_s: float | None) -> None:
        """Claims a few items when half of the room is free, until stopped or idle for ``idle_s``."""
        busy_at = time.monotonic()
        while not self._stop.is_set():
            taken = self._take(self._room - len(self._held))
            if taken or self._held:
                busy_at = time.monotonic()
                self._wait_until(lambda: len(self._held) <= self._room // 2, LOOK_S)
                if not taken:
                    self._wait_until(lambda: not self._held, LOOK_S)
            elif self._listers.busy:
                busy_at = time.monotonic()
                bells.JOBS.wait(LOOK_S)
            elif idle_s is not None and time.monotonic() - busy_at >= idle_s:
                return
            else:
                bells.JOBS.wait(SWEEP_S if settings.XCLOUD_BROKER_URL and idle_s is None else LOOK_S)

    def _take(self, limit: int) -> bool:
        """Claims items for the threads; returns whether there were any. Survives outages of the database."""
        try:
            close_old_connections()
            claim = items_claim(limit, only=self._only, room_for=self._room_for) if limit > 0 else None
            if claim is None:
                if not self._held:
                    jobs_finish_over()
                return False
            caller = Caller(claim.job.owner, claim.job.api_key)
        except (DatabaseError, InterfaceError):
            log.exception("jobs: the database does not answer")
            return False
        tasks = [Task(item, claim.job, caller, claim.lease) for item in claim.items]
        with self._changed:
            self._held |= {task.item.pk: task for task in tasks}
        if claim.alone:
            # The item's last worker died, so it must not take other items down with it.
            self._wait_until(lambda: len(self._held) == 1)
        for task in tasks:
            self._tasks.put(task)
        if claim.alone:
            self._wait_until(lambda: not self._held)
        return True

    def _room_for(self, account: str) -> int:
        with self._changed:
            return self._room_of_one - sum(task.caller.account == account for task in self._held.values())

    def _wait_until(
        self, so: Callable[[], bool], timeout_s: float | None = None, even_if_stopped: bool = False
    ) -> None:
        ends = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not so() and (even_if_stopped or not self._stop.is_set()):
                if ends is not None and time.monotonic() >= ends:
                    return
                # Short, because a signal handler that sets ``stop`` does not notify this condition.
                self._changed.wait(0.2)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                close_old_connections()
                self.work(task)
            except Exception:
                # The lease ends, and the item is tried again.
                log.exception("jobs: an image was left behind", extra={"job": task.job.pk})
            finally:
                with self._changed:
                    del self._held[task.item.pk]
                    self._closed += 1
                    self._changed.notify_all()
            self._finish_if_over(task.job)
        connection.close()

    def _finish_if_over(self, job: Job) -> None:
        """Ends the job if it has no open item. Asks the database only after the last item of the job held here."""
        with self._changed:
            if any(task.job.pk == job.pk for task in self._held.values()):
                return
        try:
            if not JobItem.objects.filter(job=job, due_at__isnull=False).exists():
                job_finish(job.pk)
        except Exception:
            # A sweep will end the job.
            log.exception("jobs: a job could not be ended", extra={"job": job.pk})

    def work(self, task: Task) -> None:
        """Processes an item: saves its analysis, or the reason why there is none."""
        if self._stop.is_set():
            items_return({task.item.pk: task.lease})
            return
        try:
            save = self._read_video(task) if task.job.source == JobSource.VIDEO else self._analyze(task)
        except Stopped:
            items_return({task.item.pk: task.lease})
            return
        except LeaseLost:
            log.info("jobs: a video was given up", extra={"job": task.job.pk})
            return
        except (EngineError, FetchError, InputGone, StorageUnavailable, *UNSEARCHED) as error:
            self._fail(task, error.code, str(error))
            return
        except (*AWAY, EngineDied):
            raise
        except Exception:
            log.exception("jobs: an image failed unexpectedly", extra={"job": task.job.pk})
            self._fail(task, ItemCode.INTERNAL_ERROR, "something went wrong; it has been logged")
            return
        self._save(task, save)

    def _analyze(self, task: Task) -> Callable[[], Any]:
        """Analyzes an image; returns what saves the result. Raises Stopped."""
        options, found = _options(task), None
        collection = _patiently(lambda: searched_collection(task.job, task.caller))
        loaded = _patiently(lambda: load(task.item, task.job, task.caller))
        with self._turns.turn(task.caller.account):
            if self._stop.is_set():
                raise Stopped
            asked = options.attributes | (ASKED if collection is not None else frozenset())
            result = self._engines.analyze(loaded.data, replace(options, attributes=computed_for(asked)))
        if collection is not None:
            found = _patiently(partial(recognise, result, collection))
        note(result)
        of = UUID(task.item.location) if task.job.source == JobSource.ANALYSES else None
        return lambda: item_save(task.item, task.lease, result, _request(task, loaded, options), task.caller, of, found)

    def _read_video(self, task: Task) -> Callable[[], Any]:
        """Reads a video; returns what saves the result. Raises Stopped, LeaseLost."""
        job, caller = task.job, task.caller
        with self._turns.turn(caller.account):
            video = _patiently(partial(read_video, self._engines, task.item, job, caller, task.lease, self._stop))
        request, rate = video_request(job, caller), job.frame_rate or DEFAULT_RATE
        return lambda: video_save(task.item, task.lease, video, rate, request, caller)

    def _save(self, task: Task, save: Callable[[], Any]) -> None:
        try:
            _patiently(save)
        except LeaseLost:
            log.info("jobs: a result came too late and was dropped", extra={"job": task.job.pk})
            return
        except (InputGone, CollectionGone, StorageUnavailable) as error:
            self._fail(task, error.code, str(error))
            return
        except AWAY:
            raise
        except Exception:
            log.exception("jobs: a result could not be written", extra={"job": task.job.pk})
            self._fail(task, ItemCode.INTERNAL_ERROR, "the result could not be kept; it has been logged")
            return
        _tidy(task)

    def _fail(self, task: Task, code: str, message: str) -> None:
        try:
            _patiently(lambda: item_fail(task.item, task.lease, code, message))
        except LeaseLost:
            return
        _tidy(task, keep_input=code in MENDABLE)

    def _keep_leases(self, over: threading.Event) -> None:
        while not over.wait(lease_time().total_seconds() / 3):
            if self._engines.silent_s() > settings.XCLOUD_ENGINE.image_seconds:
                # Lets the leases end, so that workers with responsive engines get these images.
                log.error("jobs: no engine answers; leases are not prolonged")
                continue
            with self._changed:
                held = {pk: task.lease for pk, task in self._held.items()}
            try:
                close_old_connections()
                items_renew(held)
            except (DatabaseError, InterfaceError):
                log.exception("jobs: leases could not be renewed")
        connection.close()


def _options(task: Task) -> AnalysisOptions:
    """The engine's options. The caller's current permissions apply, not those at the job's creation."""
    return AnalysisOptions(
        attributes=task.caller.may_compute(task.job.asked_attributes),
        min_face_px=task.job.min_face_px,
        max_faces=task.job.max_faces,
        picture=task.job.store_image,
        chips=task.job.store_chips,
    )


def _request(task: Task, loaded: Loaded, options: AnalysisOptions) -> AnalysisRequest:
    job = task.job
    return AnalysisRequest(
        loaded.data,
        loaded.source,
        options,
        # A picture that is analyzed again keeps its subject and its expiry.
        StoreOptions(job.store_image, job.store_ttl_days, job.subject or loaded.subject, job.store_chips),
        expires_by=loaded.expires_by,
    )


def _tidy(task: Task, keep_input: bool = False) -> None:
    """Deletes the input of an ended item unless it is kept for a retry."""
    if task.job.source in KEPT_SOURCES and not keep_input:
        try:
            default_storage.delete(task.item.location)
        except StorageUnavailable:
            log.warning("jobs: an input could not be removed; the next purge does it", extra={"job": task.job.pk})


def _patiently(step: Callable[[], Any]) -> Any:
    """Calls ``step``, and repeats it during outages of the database, the storage or the search. Raises the last
    attempt's error."""
    for seconds in TRIES_S:
        try:
            return step()
        except (*AWAY, *NOT_YET) as error:
            log.warning("jobs: trying again", extra={"code": type(error).__name__})
            # A broken connection cannot be repaired; Django opens a new one.
            connection.close()
            time.sleep(seconds)
    return step()
