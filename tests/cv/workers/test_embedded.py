"""The embedded worker: what its supervising thread does by itself."""

import io
import subprocess
import sys
import threading

import pytest
from django.conf import settings

from cv import bells
from cv.jobs.inputs import ArchiveInputs
from cv.models import Job
from cv.trust.caller import Caller
from cv.workers import embedded
from tests.archives import zip_with_link
from tests.jobs import archive, made_job, new_job, states

pytestmark = pytest.mark.usefixtures("db")


def looked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    monkeypatch.setattr(embedded, "close_old_connections", lambda: None)
    monkeypatch.setattr(bells.JOBS, "wait", lambda seconds: stop.set())
    embedded.run_forever(stop)


def test_a_job_whose_every_image_was_refused_ends(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_with_link("a.jpg", "/etc/passwd")
    job = made_job(caller, ArchiveInputs(io.BytesIO(data)))
    assert states(job) == ["failed"]
    monkeypatch.setattr(embedded, "_worked", lambda: pytest.fail("there was nothing to do"))
    looked_once(monkeypatch)
    assert Job.objects.get().state == "failed"


def test_a_worker_is_started_for_an_archive_that_is_not_listed(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, empty_scene: bytes
) -> None:
    job = new_job(caller, archive([("a.jpg", empty_scene)]))
    started: list[str] = []
    monkeypatch.setattr(embedded, "_worked", lambda: started.append("worker") or True)
    looked_once(monkeypatch)
    assert started == ["worker"]
    # It has no item yet, but it is not over.
    assert Job.objects.get(pk=job.pk).state == "listing"


def test_a_worker_that_still_watches_its_parent_ends_in_order() -> None:
    code = """
import threading, time
from cv.management.commands.run_worker import _watch_parent
threading.Thread(target=_watch_parent, args=[threading.Event()], daemon=True).start()
time.sleep(0.2)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, cwd=settings.BASE_DIR) as worker:
        assert worker.wait(30) == 0
