"""Threads that wait for tasks get them in order, and hold no connection meanwhile."""

import threading
from types import SimpleNamespace

import pytest

from cv.workers import tasks
from cv.workers.tasks import TaskQueue


def test_tasks_come_first_in_first_out(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    monkeypatch.setattr(tasks, "connection", SimpleNamespace(close=lambda: closed.append("closed")))
    waiting: TaskQueue[int] = TaskQueue()
    waiting.put(1)
    waiting.put(2)

    assert [waiting.get(), waiting.get()] == [1, 2]
    assert closed == []


def test_a_thread_that_waits_long_gives_its_connection_back(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = threading.Event()
    monkeypatch.setattr(tasks, "connection", SimpleNamespace(close=closed.set))
    monkeypatch.setattr(tasks, "CONNECTED_S", 0.05)
    waiting: TaskQueue[int] = TaskQueue()
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.append(waiting.get()))
    thread.start()

    assert closed.wait(10)
    assert got == []
    waiting.put(3)
    thread.join(10)
    assert got == [3]
