"""Decodes an untrusted video, within limits, and picks the frames to look at: by time, and where a scene starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.config import VideoLimits
from cv.engine.decode import DecodedImage
from cv.engine.errors import (
    EngineError,
    NoFrames,
    UndecodableVideo,
    UnsupportedMediaType,
    VideoTooExpensive,
    VideoTooLarge,
    VideoTooLong,
)
from cv.engine.video.containers import HEAD, container_of

if TYPE_CHECKING:
    import av

# The longer side to which frames are reduced, and what the smallest face asked for keeps of its pixels.
REDUCED_LONG_SIDE: Final = 1280
REDUCED_FACE_PX: Final = 20
# The decoders that may run, of the hundreds that FFmpeg has.
CODECS: Final = frozenset(
    {"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mpeg2video", "mjpeg", "prores", "gif"}
)
# The names of the options that FFmpeg reads while it looks for streams: bytes and microseconds at most.
_PROBING: Final = {"probesize": str(8 * 2**20), "analyzeduration": "10000000", "max_probe_packets": "2000"}
_BUFFER: Final = 256 * 1024
# Frames that the decoder refuses before the file counts as damaged, and as a share of those decoded.
_MOST_BAD, _BAD_SHARE = 5, 0.01
# What may be missing at the end of the length that the header states, in seconds and as a share: the sound often lasts
# longer than the picture.
_MISSING_S, _MISSING_SHARE = 1.5, 0.1
# Frames are compared at this size, in grey. A scene starts where the mean difference is this large, and this many times
# that of the frames before: a camera that pans quickly changes every frame.
_COMPARED: Final = (32, 18)
_CUT, _CUT_TIMES = 30.0, 3.0
# If the file has this many times the frames that are looked at, those on which no other depends are not decoded. With
# fewer the others would lie too far apart for the rate.
_PLENTY: Final = 6.0


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the header says. ``seconds`` is None if it does not state a length."""

    seconds: float | None
    frame_rate: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame to look at: seconds from the start, whether a scene starts here, and the frame."""

    at: float
    starts_scene: bool
    image: DecodedImage


def hash_file(file: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def sample_video(
    file: Path, limits: VideoLimits, rate: float, min_face_px: int, on_time: Callable[[float, float | None], None]
) -> Iterator[Sample]:
    """The frames to look at, ``rate`` in a second and the first of each scene, upright, and reduced if the faces asked
    for allow it. ``on_time`` is called for each decoded frame with its time and the stated length, and may raise.

    Decodes the first video stream of an MP4, a MOV, a WebM or a GIF; no other file is opened, even if it names one.
    Raises VideoTooLarge, VideoTooLong, VideoTooExpensive, UnsupportedMediaType, UndecodableVideo and NoFrames.
    """
    if (size := file.stat().st_size) > limits.max_bytes:
        raise VideoTooLarge(f"the video has {size:,} bytes; the limit is {limits.max_bytes:,}")
    try:
        with file.open("rb") as opened, _opened(opened, limits) as (container, stream, info):
            yield from _samples(container, stream, info, limits, rate, min_face_px, on_time)
    except (EngineError, GeneratorExit):
        raise
    except MemoryError as error:
        raise VideoTooExpensive("the video takes more memory than one video may") from error
    # Given untrusted data, FFmpeg and its binding raise many kinds of errors. All mean the same to the client.
    except Exception as error:
        raise UndecodableVideo(f"the video cannot be decoded: {error}") from error


@contextmanager
def _opened(file: IO[bytes], limits: VideoLimits) -> Iterator[tuple[Any, Any, VideoInfo]]:
    # Imported here: only an engine that is asked for a video needs FFmpeg.
    import av

    av.logging.set_level(None)
    kind = container_of(file.read(HEAD))
    file.seek(0)
    whitelist = {"codec_whitelist": ",".join(sorted(CODECS)), "format_whitelist": "mov,mp4,m4a,matroska,webm,gif"}
    try:
        container = av.open(file, "r", format=kind, container_options=_PROBING | whitelist, buffer_size=_BUFFER)
    except av.error.FFmpegError as error:
        raise UndecodableVideo(f"the video is damaged: its header cannot be read ({error.strerror})") from error
    with container:
        if not container.streams.video:
            raise NoFrames("this file has no moving picture")
        stream = container.streams.video[0]
        yield container, stream, _checked(container, stream, limits)


def _checked(container: av.container.InputContainer, stream: Any, limits: VideoLimits) -> VideoInfo:
    """What the header says, within the limits. Raises UnsupportedMediaType, VideoTooLarge, VideoTooLong, NoFrames."""
    codec = stream.codec_context
    if codec is None or codec.name not in CODECS:
        name = codec.name if codec is not None else "an unknown codec"
        raise UnsupportedMediaType(f"this server has no decoder for {name}")
    _check_pixels(codec.width, codec.height, limits)
    stated = [float(container.duration) / 1e6] if container.duration else []
    if stream.duration and stream.time_base:
        stated.append(float(stream.duration * stream.time_base))
    seconds = stated[-1] if stated else None
    if seconds is not None and seconds > limits.max_seconds:
        raise VideoTooLong(f"the video lasts {seconds:,.0f} s; the limit is {limits.max_seconds:,} s")
    frames = stream.average_rate or stream.guessed_rate or 0
    return VideoInfo(seconds, float(frames))


def _check_pixels(width: int, height: int, limits: VideoLimits) -> None:
    if width * height > limits.max_pixels:
        raise VideoTooLarge(f"the frames have {width} × {height} pixels; the limit is {limits.max_pixels:,} in all")


def _samples(
    container: Any,
    stream: Any,
    info: VideoInfo,
    limits: VideoLimits,
    rate: float,
    min_face_px: int,
    on_time: Callable[[float, float | None], None],
) -> Iterator[Sample]:
    codec = stream.codec_context
    codec.thread_count = 1
    # Headers inside the stream may state other sizes than the container.
    codec.options = {"max_pixels": str(limits.max_pixels)}
    if info.frame_rate >= _PLENTY * rate:
        codec.skip_frame = "NONREF"
    cuts, at, due = Cuts(), 0.0, 0.0
    for at, frame in _timed_frames(container, stream, info, limits):
        on_time(at, info.seconds)
        starts = cuts.note(_small(frame))
        if starts or at >= due:
            yield Sample(at, starts, _image(frame, min_face_px))
            # On a grid from the start of the scene: at least half a step apart, so that a frame that comes a little
            # early for its time does not cost the next one.
            due = at + 1 / rate - 0.5 / max(info.frame_rate, 2 * rate)
    if info.seconds is not None and info.seconds - at > max(_MISSING_S, _MISSING_SHARE * info.seconds):
        raise UndecodableVideo(f"the video ends after {at:.0f} of {info.seconds:.0f} s")


def _timed_frames(
    container: Any, stream: Any, info: VideoInfo, limits: VideoLimits
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Every decoded frame with its seconds from the first one, never less than before."""
    start: float | None = None
    at, step, count, bad = 0.0, 1 / info.frame_rate if info.frame_rate else 0.04, 0, 0
    for frame in _frames(container, stream):
        if frame is None:
            bad += 1
            if bad > _MOST_BAD and bad > _BAD_SHARE * count:
                raise UndecodableVideo(f"the video is damaged: {bad} of its first {count + bad} frames")
            continue
        count += 1
        _check_pixels(frame.width, frame.height, limits)
        told = frame.time if frame.pts is not None else None
        if start is None:
            start = told or 0.0
        at = max(at, told - start if told is not None else at + step)
        if at > limits.max_seconds or count > limits.max_frames:
            raise VideoTooLong(
                f"the video has more than {limits.max_seconds:,} s or {limits.max_frames:,} frames, the limits"
            )
        yield at, frame
    if not count:
        raise UndecodableVideo("no frame can be decoded") if bad else NoFrames("this file has no frames")


def _frames(container: Any, stream: Any) -> Iterator[av.VideoFrame | None]:
    """Every frame; None for a packet that cannot be decoded."""
    import av

    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.InvalidDataError:
            yield None
            continue
        yield from frames


class Cuts:
    """Tells where a scene starts, frame by frame."""

    def __init__(self) -> None:
        self._last: npt.NDArray[np.int16] | None = None
        self._usual = 0.0

    def note(self, small: npt.NDArray[np.uint8]) -> bool:
        """Whether a scene starts with this frame; uint8 grey (H, W). The first frame always starts one."""
        now = small.astype(np.int16)
        last, self._last = self._last, now
        if last is None or last.shape != now.shape:
            return True
        change = float(np.abs(now - last).mean())
        starts = change > _CUT and change > _CUT_TIMES * self._usual
        self._usual = 0.8 * self._usual + 0.2 * min(change, _CUT)
        return starts


def _small(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    width, height = _COMPARED
    return np.asarray(frame.reformat(width, height, "gray8", interpolation="POINT").to_ndarray(), np.uint8)


def _image(frame: av.VideoFrame, min_face_px: int) -> DecodedImage:
    """The frame in RGB, upright, and reduced if the faces asked for allow it."""
    width, height = frame.width, frame.height
    shrink = max(1.0, min(max(width, height) / REDUCED_LONG_SIDE, min_face_px / REDUCED_FACE_PX))
    size = max(1, round(width / shrink)), max(1, round(height / shrink))
    pixels = np.asarray(frame.to_ndarray(format="rgb24", width=size[0], height=size[1], interpolation="AREA"))
    # Told in degrees against the clock, as np.rot90 turns.
    turns = round(frame.rotation / 90) % 4
    if turns:
        pixels = np.ascontiguousarray(np.rot90(pixels, turns))
        width, height = (height, width) if turns % 2 else (width, height)
    return DecodedImage(Image.fromarray(pixels), width, height, pixels.shape[1] / width, "", "", b"")
