"""An engine of a pool reads a video, tells how far it is, and is replaced if it hangs or is not needed any more."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cv.engine.config import EngineConfig
from cv.engine.errors import NoFrames, VideoTooExpensive
from cv.engine.pool import EnginePool
from cv.engine.video.types import VideoOptions, VideoQuestion
from tests.clips import encode_clip, encode_sound, moving_frames, portrait


@pytest.fixture(scope="module")
def pool() -> Iterator[EnginePool]:
    pool = EnginePool(EngineConfig(threads=1, image_seconds=20.0), 1)
    pool.check()
    yield pool
    for engine in pool._idle:
        engine._kill()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("clips") / "clip.mp4"
    frames = moving_frames(portrait("astronaut"), 6, 10, (480, 360))
    file.write_bytes(encode_clip(frames, fps=10, preset="ultrafast"))
    return file


def process(pool: EnginePool) -> int | None:
    (engine,) = pool._idle
    return engine._running[0].pid if engine._running else None


def test_a_video_is_read_in_the_engines_process_which_tells_how_far_it_is(pool: EnginePool, clip: Path) -> None:
    parts: list[float] = []
    video = pool.read_video(VideoQuestion(clip, VideoOptions(rate=15)), parts.append)
    (person,) = video.people
    assert (person.frames, video.frames) == (60, 60)
    # Until the end of the last frame.
    assert video.seconds == pytest.approx(6.0)
    # Three threads work at once, so the stages together may take longer than all.
    timing = video.timing_ms
    assert all(0 < stage < timing.total for stage in (timing.decode, timing.detect, timing.attributes))
    assert parts == sorted(parts)
    assert all(0 <= part <= 1 for part in parts)


def test_an_error_comes_back_and_the_engine_stays(pool: EnginePool, tmp_path: Path) -> None:
    pool.check()
    before = process(pool)
    file = tmp_path / "sound"
    file.write_bytes(encode_sound())
    with pytest.raises(NoFrames):
        pool.read_video(VideoQuestion(file, VideoOptions()))
    assert process(pool) == before


def test_an_engine_that_says_nothing_for_an_images_time_is_replaced(tmp_path: Path) -> None:
    pool = EnginePool(EngineConfig(threads=1, image_seconds=1.0), 1)
    pool.check()
    before = process(pool)
    file = tmp_path / "pipe"
    os.mkfifo(file)
    with pytest.raises(VideoTooExpensive, match="a part of the video"):
        pool.read_video(VideoQuestion(file, VideoOptions()))
    assert process(pool) is None
    pool.check(patience_s=60)
    assert process(pool) not in (None, before)
    pool._idle[0]._kill()


def test_a_reader_that_is_not_interested_any_more_ends_the_engine(pool: EnginePool, tmp_path: Path) -> None:
    # Reading it takes longer than the second after which the engine tells how far it is.
    long = tmp_path / "long.mp4"
    long.write_bytes(encode_clip(moving_frames(portrait("astronaut"), 40, 10, (480, 360)), fps=10, preset="ultrafast"))

    class Enough(Exception):
        pass

    def enough(share: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        pool.read_video(VideoQuestion(long, VideoOptions(rate=15)), enough)
    assert process(pool) is None
