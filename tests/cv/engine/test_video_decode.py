"""A video file is decoded within limits, and what cannot be is refused with its code."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from cv.engine.config import VideoLimits
from cv.engine.errors import (
    EngineError,
    NoFrames,
    UndecodableVideo,
    UnsupportedMediaType,
    VideoTooExpensive,
    VideoTooLarge,
    VideoTooLong,
)
from cv.engine.video.decode import Sample, sample_video
from tests.clips import encode_clip, encode_sound, moving_frames

SIZE = (320, 180)


def scenery() -> Image.Image:
    """A picture with details and no face."""
    x, y = np.meshgrid(np.arange(480), np.arange(360))
    return Image.fromarray(np.stack([x // 2, y // 2, (x + y) % 256], axis=2).astype(np.uint8))


def clip(kind: str = "mp4", seconds: float = 2, fps: int = 10, **options: str) -> bytes:
    return encode_clip(moving_frames(scenery(), seconds, fps, SIZE), kind, fps, **options)


def samples(folder: Path, data: bytes, rate: float = 5, **limits: int) -> list[Sample]:
    file = folder / "video"
    file.write_bytes(data)
    return list(sample_video(file, VideoLimits(**limits), rate, 40, lambda at, seconds: None))


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm", "gif"])
def test_frames_are_sampled_by_time(tmp_path: Path, kind: str) -> None:
    found = samples(tmp_path, clip(kind))
    assert [sample.at for sample in found] == pytest.approx([0.2 * step for step in range(10)], abs=0.011)
    assert [sample.starts_scene for sample in found] == [True] + [False] * 9
    assert {sample.image.pixels.size for sample in found} == {SIZE}


def test_a_scene_is_sampled_where_it_starts(tmp_path: Path) -> None:
    def two() -> Iterator[Image.Image]:
        yield from moving_frames(scenery(), 0.7, 10, SIZE)
        yield from moving_frames(Image.eval(scenery(), lambda value: 255 - value), 0.7, 10, SIZE)

    found = samples(tmp_path, encode_clip(two(), fps=10))
    assert [round(sample.at, 1) for sample in found if sample.starts_scene] == [0.0, 0.7]


def test_a_large_frame_is_reduced_and_knows_its_size(tmp_path: Path) -> None:
    frames = moving_frames(scenery(), 0.2, 10, (2560, 1440))
    (sample, *_) = samples(tmp_path, encode_clip(frames, fps=10, preset="ultrafast"))
    image = sample.image
    assert (image.width, image.height, image.pixels.size, image.scale) == (2560, 1440, (1280, 720), 0.5)


def test_a_phones_video_is_turned_upright(tmp_path: Path) -> None:
    """Its matrix, which PyAV does not write, is put into the file."""
    data = clip(seconds=0.3)
    unturned = b"".join(value.to_bytes(4, "big") for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    turned = b"".join(
        value.to_bytes(4, "big") for value in (0, 1 << 16, 0, (1 << 32) - (1 << 16), 0, 0, 180 << 16, 0, 1 << 30)
    )
    at = data.index(unturned, data.index(b"tkhd"))
    (sample, *_) = samples(tmp_path, data[:at] + turned + data[at + len(unturned) :])
    assert (sample.image.width, sample.image.height) == (180, 320)
    (plain, *_) = samples(tmp_path, data)
    expected = plain.image.pixels.transpose(Image.Transpose.ROTATE_270)
    assert np.array_equal(np.asarray(sample.image.pixels), np.asarray(expected))


def first_half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def faststart() -> bytes:
    return clip(seconds=4, movflags="faststart")


def eight_k() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as container:
        stream: Any = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 7680, 4320, "yuvj420p"
        frame = av.VideoFrame(7680, 4320, "yuvj420p")
        frame.pts, frame.time_base = 0, Fraction(1)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def of_codec(codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for frame in moving_frames(scenery(), 0.3, 10, SIZE):
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))
    return file.getvalue()


def damaged() -> bytes:
    """Every second kilobyte of the frames is noise."""
    data = bytearray(clip(seconds=4, fps=25))
    start, noise = data.index(b"mdat") + 2000, np.random.default_rng(0)
    for at in range(start, len(data) - 6000, 2048):
        data[at : at + 1024] = noise.bytes(1024)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "error", "limits"),
    [
        (b"", UnsupportedMediaType, {}),
        (b"RIFF\0\0\0\0AVI LIST", UnsupportedMediaType, {}),
        (b"#EXTM3U\nhttp://example.org/1.ts\n", UnsupportedMediaType, {}),
        (of_codec("ffv1"), UnsupportedMediaType, {}),
        (b"\0\0\0\x18ftypmp42" + bytes(1000), UndecodableVideo, {}),
        (b"\x1a\x45\xdf\xa3" + bytes(1000), UndecodableVideo, {}),
        (clip()[:3000], UndecodableVideo, {}),
        (first_half(clip("webm", 6)), UndecodableVideo, {}),
        (damaged(), UndecodableVideo, {}),
        (encode_sound(), NoFrames, {}),
        (encode_sound("webm"), NoFrames, {}),
        (eight_k(), VideoTooLarge, {}),
        (clip(), VideoTooLarge, {"max_bytes": 1000}),
        (clip(), VideoTooLong, {"max_seconds": 1}),
        (clip(), VideoTooLong, {"max_frames": 15}),
    ],
    ids=[
        "nothing", "AVI", "playlist", "codec that is not there", "MP4 of zeros", "Matroska of zeros",
        "MP4 without its end", "WebM without its end", "damaged frames", "sound in MP4", "sound in WebM", "8K",
        "too many bytes", "too long", "too many frames",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, data: bytes, error: type[EngineError], limits: dict[str, int]
) -> None:
    with pytest.raises(error):
        samples(tmp_path, data, **limits)


def test_an_mp4_that_ends_early_is_damaged_even_if_its_header_is_whole(tmp_path: Path) -> None:
    data = faststart()
    assert len(samples(tmp_path, data)) == 20
    with pytest.raises(UndecodableVideo, match=r"ends after \d of 4 s|cannot be decoded"):
        samples(tmp_path, data[: data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 3])


def test_what_takes_too_long_ends(tmp_path: Path) -> None:
    def too_late(at: float, seconds: float | None) -> None:
        raise VideoTooExpensive("the video takes more than 0 s")

    file = tmp_path / "video"
    file.write_bytes(clip())
    with pytest.raises(VideoTooExpensive):
        list(sample_video(file, VideoLimits(), 5, 40, too_late))
