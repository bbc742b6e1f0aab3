"""Engines in processes of their own: the same answers, and what remains when one of them dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady, UndecodableImage
from cv.engine.pipeline import Engine
from cv.engine.pool import EngineDied, EngineFailed, EnginePool, EnginesBusy, _Engine
from cv.engine.types import AnalysisOptions, AnalysisResult

ROOT = Path(__file__).resolve().parents[3]
CONFIG = EngineConfig(threads=1)
SMALL = 30_000


@pytest.fixture(scope="module")
def pool() -> EnginePool:
    return EnginePool(CONFIG, 2)


@pytest.fixture
def frail() -> EnginePool:
    """A pool of one engine, which a test may break."""
    return EnginePool(CONFIG, 1)


def engines() -> list[psutil.Process]:
    """The engines of all pools of this process."""
    running = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in running if "--multiprocessing-fork" in child.cmdline()]


def handed_over(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when an engine has been asked."""
    done, ask = threading.Event(), _Engine.ask

    def asking(engine: _Engine, question: memoryview) -> None:
        ask(engine, question)
        done.set()

    monkeypatch.setattr(_Engine, "ask", asking)
    return done


def untimed(result: AnalysisResult) -> AnalysisResult:
    return replace(result, timing_ms=replace(result.timing_ms, decode=0, detect=0, attributes=0, total=0))


def test_the_answers_are_those_of_an_engine_in_this_process(
    pool: EnginePool, engine: Engine, astronaut: bytes, grace_hopper: bytes
) -> None:
    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(pool.analyze, [astronaut, grace_hopper] * 2))
    alone = [untimed(engine.analyze(photo)) for photo in (astronaut, grace_hopper)]
    assert [answer.faces[0].box for answer in answers] == [result.faces[0].box for result in alone] * 2
    assert [answer.image for answer in answers] == [result.image for result in alone] * 2
    ages = [answer.faces[0].attributes["age"].value for answer in answers]  # type: ignore[union-attr]
    assert ages == pytest.approx([result.faces[0].attributes["age"].value for result in alone] * 2)  # type: ignore[union-attr]


def test_options_reach_the_engine(pool: EnginePool, astronaut: bytes) -> None:
    (face,) = pool.analyze(astronaut, AnalysisOptions(attributes=frozenset())).faces
    assert face.attributes == {}


def test_what_the_engine_refuses_is_refused_with_its_words(pool: EnginePool, astronaut: bytes) -> None:
    with pytest.raises(UndecodableImage, match="the image cannot be decoded"):
        pool.analyze(astronaut[: len(astronaut) // 2])
    assert len(pool.analyze(astronaut).faces) == 1


def test_an_engine_that_is_killed_costs_one_image_and_is_started_again(
    frail: EnginePool, astronaut: bytes, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {child.pid for child in engines()}
    frail.check()
    (engine,) = [child for child in engines() if child.pid not in before]
    with ThreadPoolExecutor(1) as caller:
        engine.suspend()
        # So small that the pipe holds it: it is handed over before the engine dies.
        assert len(empty_scene) < SMALL
        asked = handed_over(monkeypatch)
        answer = caller.submit(frail.analyze, empty_scene)
        assert asked.wait(30)
        engine.kill()
        with pytest.raises(EngineDied, match="ended"):
            answer.result(timeout=30)
    assert len(frail.analyze(astronaut).faces) == 1


def test_an_engine_that_is_killed_while_it_waits_costs_nobody_an_answer(frail: EnginePool, astronaut: bytes) -> None:
    before = {child.pid for child in engines()}
    frail.check()
    (engine,) = [child for child in engines() if child.pid not in before]
    engine.kill()
    while engine in engines():
        time.sleep(0.01)
    assert len(frail.analyze(astronaut).faces) == 1


@pytest.fixture
def one_in_the_engine(frail: EnginePool, empty_scene: bytes) -> Iterator[Callable[[], None]]:
    """The frail pool's engine has an image and does not answer; call this to let it go on."""
    before = {child.pid for child in engines()}
    frail.check()
    (engine,) = [child for child in engines() if child.pid not in before]
    engine.suspend()
    with ThreadPoolExecutor(1) as caller:
        caller.submit(frail.analyze, empty_scene)
        while frail._idle:
            time.sleep(0.001)
        yield engine.resume
        engine.resume()


def test_who_comes_first_is_served_first(
    frail: EnginePool, one_in_the_engine: Callable[[], None], empty_scene: bytes
) -> None:
    served: list[int] = []
    with ThreadPoolExecutor(5) as callers:
        for number in range(5):
            callers.submit(frail.analyze, empty_scene, AnalysisOptions(), partial(served.append, number))
            while len(frail._line) <= number:
                time.sleep(0.001)
        assert served == []
        one_in_the_engine()
    assert served == [0, 1, 2, 3, 4]


def test_who_has_no_patience_leaves_the_line(
    frail: EnginePool, one_in_the_engine: Callable[[], None], astronaut: bytes
) -> None:
    asked: list[int] = []
    with pytest.raises(EnginesBusy, match="no engine was free"):
        frail.analyze(astronaut, AnalysisOptions(), lambda: asked.append(1), patience_s=0.05)
    one_in_the_engine()
    assert len(frail.analyze(astronaut, AnalysisOptions(), lambda: asked.append(2), patience_s=30).faces) == 1
    assert asked == [2]


def test_who_does_not_want_the_answer_any_more_leaves_the_engine_to_the_next(
    frail: EnginePool, one_in_the_engine: Callable[[], None], astronaut: bytes
) -> None:
    def left() -> None:
        raise ConnectionAbortedError("left")

    with ThreadPoolExecutor(2) as callers:
        gone = callers.submit(frail.analyze, astronaut, AnalysisOptions(), left)
        while not frail._line:
            time.sleep(0.001)
        waiting = callers.submit(frail.analyze, astronaut)
        one_in_the_engine()
        with pytest.raises(ConnectionAbortedError, match="left"):
            gone.result(timeout=30)
        assert len(waiting.result(timeout=30).faces) == 1


def test_a_failure_nobody_foresaw_is_told_with_where_it_was(pool: EnginePool, astronaut: bytes) -> None:
    with pytest.raises(EngineFailed, match="in analyze\n"):
        pool.analyze(astronaut, None)  # type: ignore[arg-type]


def test_missing_weights_are_said_before_an_image_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match="cannot be read"):
        EnginePool(replace(CONFIG, weights_dir=tmp_path), 1)


def test_engines_end_when_their_server_is_killed() -> None:
    code = (
        "import sys, time\n"
        "from cv.engine.config import EngineConfig\n"
        "from cv.engine.pool import EnginePool\n"
        "pool = EnginePool(EngineConfig(threads=1), 2)\n"
        "pool.start()\n"
        "pool.check()\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    left = psutil.Process(server.pid).children(recursive=True)
    assert len(left) >= 2
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    server.stdout.close()
    ends = time.monotonic() + 30
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in left):
        assert time.monotonic() < ends, "an engine outlived its server"
        time.sleep(0.05)
