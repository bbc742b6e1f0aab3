"""A worker prolongs its leases only while its engines answer."""

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cv.engine.config import EngineConfig
from cv.engine.pool import EnginePool
from cv.workers.worker import Task, Worker


class Twice(threading.Event):
    """An event that is set after two waits."""

    waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        return self.waits > 2


@pytest.mark.parametrize(("silent_s", "renewals"), [(0, 2), (19, 2), (21, 0)])
def test_leases_are_kept_only_while_the_engines_answer(
    monkeypatch: pytest.MonkeyPatch, silent_s: float, renewals: int
) -> None:
    assert EngineConfig().image_seconds == 20
    renewed: list[dict[int, str]] = []
    monkeypatch.setattr("cv.workers.worker.items_renew", renewed.append)
    monkeypatch.setattr("cv.workers.worker.close_old_connections", lambda: None)
    monkeypatch.setattr("cv.workers.worker.connection", SimpleNamespace(close=lambda: None))
    engines: Any = SimpleNamespace(silent_s=lambda: silent_s)
    worker = Worker(cast(EnginePool, engines), 1)
    worker._held[7] = cast(Task, SimpleNamespace(lease="mine"))
    worker._keep_leases(Twice())
    assert renewed == [{7: "mine"}] * renewals
