"""The server purges expired data by itself, and only one of several processes does it."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from cv import bells
from cv.files.stores import StorageUnavailable
from cv.models import Analysis, FileToDelete
from cv.trust.caller import Caller
from cv.workers import tidying
from cv.workers.alone import alone
from tests.factories import face_result, stored_analysis

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


def look(monkeypatch: pytest.MonkeyPatch, times: int = 1) -> None:
    """Runs the thread's loop in this thread, ``times`` rounds."""
    stop, rounds = threading.Event(), iter(range(1, times + 1))

    def waited(seconds: float) -> None:
        if next(rounds) == times:
            stop.set()

    monkeypatch.setattr(tidying, "close_old_connections", lambda: None)
    monkeypatch.setattr(bells.TIDYING, "wait", waited)
    tidying.run_forever(stop)


def expired(caller: Caller, data: bytes) -> Analysis:
    row = stored_analysis(caller, face_result(), data=data, image=True)
    past = timezone.now() - timedelta(days=2)
    Analysis.objects.filter(pk=row.pk).update(created_at=past, expires_at=past + timedelta(days=1))
    return row


def test_what_is_past_its_time_goes_by_itself(
    caller: Caller, empty_scene: bytes, settings: Settings, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.XCLOUD_DEFAULT_TTL_DAYS = 1
    kept = stored_analysis(caller, face_result())
    expired(caller, empty_scene)
    look(monkeypatch)
    assert list(Analysis.objects.all()) == [kept]
    assert [file for file in pictures.rglob("*") if file.is_file()] == []


def test_it_purges_as_often_as_it_is_told_and_not_at_all_where_something_else_does(
    caller: Caller, empty_scene: bytes, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[bool] = []
    monkeypatch.setattr(tidying, "tidy_up", rounds.append)
    look(monkeypatch, 3)
    settings.XCLOUD_PURGE_MINUTES = 0
    look(monkeypatch, 2)
    assert rounds == [True, False, False, False, False]


def test_between_purges_it_deletes_what_a_deletion_left(
    caller: Caller, empty_scene: bytes, settings: Settings, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.XCLOUD_PURGE_MINUTES = 0
    row = stored_analysis(caller, data=empty_scene, image=True)
    Analysis.objects.all().delete()
    FileToDelete.objects.create(name=str(row.picture.name))
    look(monkeypatch)
    assert FileToDelete.objects.count() == 0
    assert [file for file in pictures.rglob("*") if file.is_file()] == []


def test_one_process_of_several_does_it(
    caller: Caller, empty_scene: bytes, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired(caller, empty_scene)
    with alone(tidying.LOCK) as mine:
        assert mine
        look(monkeypatch)
        assert Analysis.objects.count() == 1
    look(monkeypatch)
    assert Analysis.objects.count() == 0


@pytest.mark.parametrize("failure", [StorageUnavailable(), OperationalError("away"), ValueError("unforeseen")])
def test_no_failure_ends_it(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = 0

    def failing(purge: bool) -> None:
        nonlocal rounds
        rounds += 1
        raise failure

    monkeypatch.setattr(tidying, "tidy_up", failing)
    look(monkeypatch, 2)
    assert rounds == 2


def test_the_server_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads the application as `make serve` does."""
    started = []
    for name in ("cv.workers.deliveries", "cv.workers.embedded", "cv.serving.engines"):
        step = "start_engines" if name.endswith("engines") else "start_thread"
        monkeypatch.setattr(f"{name}.{step}", lambda: None)
    monkeypatch.setattr(tidying, "start_thread", lambda: started.append(True))
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setattr("gc.set_threshold", lambda *numbers: None)
    source = Path(tidying.__file__).resolve().parents[2] / "xcloud" / "wsgi.py"
    exec(compile(source.read_text(), str(source), "exec"), {})  # noqa: S102 -- our own file, run as in a new process
    assert started == [True]
