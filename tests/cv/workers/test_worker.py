"""Within a worker, a caller's slow images do not hold up another's quick ones."""

import threading
import time
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from cv.choices import JobSource, Source
from cv.engine.types import AnalysisOptions
from cv.jobs.inputs import Loaded
from cv.services.job_items import Claim
from cv.workers import tasks
from cv.workers import worker as workers
from cv.workers.worker import Worker

SLOW_S, QUICK_S = 0.3, 0.01


def test_two_quick_images_of_another_wait_for_one_round_of_slow_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = {"slow": 30, "quick": 0}
    jobs = {
        name: SimpleNamespace(pk=uuid4(), owner=None, api_key=name, source=JobSource.URLS, search_collection=None)
        for name in waiting
    }
    closed: list[str] = []
    claimed: dict[str, float] = {}
    times: dict[str, float] = {}
    stop = threading.Event()
    number = iter(range(1000))

    def claim(limit: int, only: Any, room_for: Any) -> Claim | None:
        # Like the database: the caller that has waited longest since its last claim comes first.
        for name in sorted(jobs, key=lambda name: claimed.get(name, 0.0)):
            job = jobs[name]
            if count := min(limit, room_for(name), waiting[name]):
                waiting[name] -= count
                claimed[name] = time.monotonic()
                items = tuple(SimpleNamespace(pk=next(number), location="") for _ in range(count))
                return Claim(job, items, "lease")
        return None

    class Engines:
        """Engines that take as long as the image says."""

        def analyze(self, data: bytes, options: AnalysisOptions) -> str:
            time.sleep(SLOW_S if data == b"slow" else QUICK_S)
            return ""

    def save(item: Any, lease: str, result: Any, request: Any, caller: Any, of: Any, found: Any) -> None:
        closed.append(caller.account)
        times.setdefault(caller.account, time.monotonic())
        if closed.count("quick") == 2:
            stop.set()

    for name, stand_in in {
        "items_claim": claim,
        "load": lambda item, job, caller: Loaded(caller.account.encode(), Source.URL),
        "Caller": lambda owner, api_key: SimpleNamespace(account=api_key),
        "item_save": save,
        "items_return": lambda leases: 0,
        "note": lambda result: None,
        "jobs_finish_over": lambda: 0,
        "job_finish": lambda pk: True,
        "close_old_connections": lambda: None,
        "connection": SimpleNamespace(close=lambda: None),
        "_options": lambda task: AnalysisOptions(),
        "_request": lambda task, loaded, options: None,
        "_tidy": lambda task, keep_input=False: None,
    }.items():
        monkeypatch.setattr(workers, name, stand_in)
    monkeypatch.setattr(Worker, "_finish_if_over", lambda self, job: None)
    monkeypatch.setattr(workers.ArchiveListers, "list_next", lambda self: False)
    running = threading.Thread(target=Worker(Engines(), 2, stop).run)  # type: ignore[arg-type]
    running.start()
    time.sleep(SLOW_S / 2)
    waiting["quick"] = 2
    asked = time.monotonic()
    running.join(20)
    # At most one polling interval, and then the slow images that are in an engine.
    assert times["quick"] - asked < workers.LOOK_S + 2 * SLOW_S + 0.5
    assert closed.count("slow") < 16


def test_all_threads_of_an_idle_worker_give_their_connections_back(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: set[str] = set()
    monkeypatch.setattr(tasks, "connection", SimpleNamespace(close=lambda: closed.add(threading.current_thread().name)))
    monkeypatch.setattr(tasks, "CONNECTED_S", 0.05)
    monkeypatch.setattr(workers, "connection", SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(workers, "close_old_connections", lambda: None)
    monkeypatch.setattr(workers, "items_claim", lambda limit, only, room_for: None)
    monkeypatch.setattr(workers, "jobs_finish_over", lambda: 0)
    monkeypatch.setattr(workers.ArchiveListers, "list_next", lambda self: False)
    stop = threading.Event()
    running = threading.Thread(target=Worker(SimpleNamespace(), 2, stop).run)  # type: ignore[arg-type]
    running.start()
    until = time.monotonic() + 10
    while len(closed) < 2 + workers.WAITING and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    running.join(10)

    assert closed == {f"job-{number}" for number in range(2 + workers.WAITING)}
