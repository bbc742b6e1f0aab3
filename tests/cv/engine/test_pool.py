"""Engines in their own processes: they give the same answers, and the pool survives their crashes."""

import gc
import io
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
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest
from PIL import Image

from cv.engine.answering import EngineFailed
from cv.engine.config import EngineConfig
from cv.engine.errors import ImageTooExpensive, ModelNotReady, UndecodableImage
from cv.engine.pipeline import Engine
from cv.engine.pool import EngineDied, EnginePool, EnginesBusy, _Engine
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
    return [child for child in running if any("cv.engine.answering" in part for part in child.cmdline())]


def test_an_engine_ends_with_its_pool() -> None:
    others = set(engines())
    pool = EnginePool(CONFIG, 1)
    pool.check()
    (own,) = set(engines()) - others
    del pool
    gc.collect()
    assert not own.is_running()


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


def the_engine_of(pool: EnginePool) -> psutil.Process:
    """The only engine of a pool, loaded."""
    before = {child.pid for child in engines()}
    pool.check()
    (engine,) = [child for child in engines() if child.pid not in before]
    return engine


def test_an_image_whose_engine_is_killed_is_tried_once_more(
    frail: EnginePool, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = the_engine_of(frail)
    with ThreadPoolExecutor(1) as caller:
        engine.suspend()
        # Small enough for the pipe's buffer: it is handed over before the engine dies.
        assert len(empty_scene) < SMALL
        asked = handed_over(monkeypatch)
        answer = caller.submit(frail.analyze, empty_scene)
        assert asked.wait(30)
        engine.kill()
        assert answer.result(timeout=60).image.width == 320


def test_an_image_over_which_two_engines_end_is_given_up(
    frail: EnginePool, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[str] = []

    def ended(engine: _Engine, on_part: object) -> memoryview:
        answers.append("ended")
        engine._kill()
        raise EOFError

    with monkeypatch.context() as patch:
        patch.setattr(_Engine, "answer", ended)
        with pytest.raises(EngineDied, match="ended"):
            frail.analyze(empty_scene)
    assert len(answers) == 2
    assert frail.analyze(empty_scene).image.width == 320


# Time limits of images.


@pytest.fixture
def hasty() -> EnginePool:
    """A pool of one engine, which may take a second for an image."""
    return EnginePool(replace(CONFIG, image_seconds=1), 1)


@pytest.mark.parametrize("pads", [0, 4_000_000], ids=["in the pipe", "that the pipe does not hold"])
def test_an_engine_that_hangs_over_an_image_is_replaced_and_the_image_refused_or_tried_again(
    hasty: EnginePool, empty_scene: bytes, pads: int
) -> None:
    hung = the_engine_of(hasty)
    hung.suspend()
    started = time.monotonic()
    if pads:
        # The engine never received it: another engine gets it.
        assert hasty.analyze(empty_scene + bytes(pads)).image.width == 320
    else:
        with pytest.raises(ImageTooExpensive, match="longer than one image may"):
            hasty.analyze(empty_scene)
        assert time.monotonic() - started < 3
    assert hung.pid not in {child.pid for child in engines()}
    assert hasty.analyze(empty_scene).image.width == 320


def test_an_image_that_takes_too_long_is_refused_and_the_next_one_is_not(hasty: EnginePool, empty_scene: bytes) -> None:
    hasty.check()
    file = io.BytesIO()
    Image.radial_gradient("L").resize((8000, 8000)).save(file, "PNG")
    with pytest.raises(ImageTooExpensive):
        hasty.analyze(file.getvalue(), AnalysisOptions(min_face_px=12))
    assert hasty.analyze(empty_scene).image.width == 320


def test_a_pool_that_answers_nothing_says_for_how_long(
    frail: EnginePool, one_in_the_engine: Callable[[], None], empty_scene: bytes
) -> None:
    time.sleep(0.3)
    assert 0.3 < frail.silent_s() < 30
    one_in_the_engine()
    frail.analyze(empty_scene)
    while frail._open:
        time.sleep(0.001)
    assert frail.silent_s() == 0


def test_an_engine_that_stays_large_is_replaced_between_two_images(
    frail: EnginePool, empty_scene: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process says so with its answer, and the pool starts another for the next image."""
    first = the_engine_of(frail)
    (engine,) = frail._idle
    receive = Connection.recv_bytes
    monkeypatch.setattr(Connection, "recv_bytes", lambda pipe: b"\1" + receive(pipe)[1:])
    assert frail.analyze(empty_scene).image.width == 320
    monkeypatch.undo()
    assert engine._running is None
    assert frail.analyze(empty_scene).image.width == 320
    assert first.pid not in {child.pid for child in engines()}


def test_an_engine_that_is_killed_while_it_waits_costs_nobody_an_answer(frail: EnginePool, astronaut: bytes) -> None:
    engine = the_engine_of(frail)
    engine.kill()
    while engine in engines():
        time.sleep(0.01)
    assert len(frail.analyze(astronaut).faces) == 1


@pytest.fixture
def one_in_the_engine(frail: EnginePool, empty_scene: bytes) -> Iterator[Callable[[], None]]:
    """The frail pool's engine has an image and does not answer; call this to let it go on."""
    engine = the_engine_of(frail)
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


def test_the_lowest_rank_is_served_next(
    frail: EnginePool, one_in_the_engine: Callable[[], None], empty_scene: bytes
) -> None:
    served: list[int] = []
    with ThreadPoolExecutor(3) as callers:
        for number, rank in enumerate((3, 1, 2)):
            on_turn = partial(served.append, number)
            callers.submit(frail.analyze, empty_scene, AnalysisOptions(), on_turn, rank=partial(float, rank))
            while len(frail._line) <= number:
                time.sleep(0.001)
        one_in_the_engine()
    assert served == [1, 2, 0]


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


def test_an_unforeseen_failure_is_reported_with_its_place(pool: EnginePool, astronaut: bytes) -> None:
    with pytest.raises(EngineFailed, match="in edit_picture\n"):
        pool.edit(astronaut, None)  # type: ignore[arg-type]


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
    # The engines alone.
    assert len(left) == 2
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    server.stdout.close()
    ends = time.monotonic() + 30
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in left):
        assert time.monotonic() < ends, "an engine outlived its server"
        time.sleep(0.05)
