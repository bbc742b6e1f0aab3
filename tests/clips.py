"""Test clips, made by script from photographs in the public domain that packages ship: the camera pans and zooms."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from PIL import Image

SIZE: Final = (1280, 720)
# The encoder of each container, and its pixels.
ENCODERS: Final = {
    "mp4": ("libx264", "yuv420p"),
    "mov": ("libx264", "yuv420p"),
    "webm": ("libvpx", "yuv420p"),
    "gif": ("gif", "rgb8"),
}


def portrait(name: str) -> Image.Image:
    """RGB: `astronaut` (scikit-image) or `hopper` (Matplotlib)."""
    if name == "astronaut":
        from skimage import data

        return Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    import matplotlib

    return Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")


def moving_frames(
    photo: Image.Image, seconds: float, fps: int = 30, size: tuple[int, int] = SIZE, swing: float = 0.1
) -> Iterable[Image.Image]:
    """The photo through a camera that pans to and fro and zooms in and out."""
    width, height = size
    # The part of the photo that is seen when the zoom is 1 has the frame's height.
    scale = height / photo.height
    for number in range(max(1, round(seconds * fps))):
        turn = 2 * np.pi * number / fps / 4
        zoom = scale * (1 + swing * (1 - np.cos(turn)) / 2)
        left = photo.width / 2 - width / 2 / zoom + swing * photo.width * np.sin(turn)
        top = photo.height / 2 - height / 2 / zoom
        box = (1 / zoom, 0, left, 0, 1 / zoom, top)
        yield photo.transform(size, Image.Transform.AFFINE, box, Image.Resampling.BILINEAR)


def encode_clip(frames: Iterable[Image.Image], kind: str = "mp4", fps: int = 30, **options: str) -> bytes:
    """The frames as a video of the container ``kind``; ``options`` are the encoder's and the container's."""
    codec, pixels = ENCODERS[kind]
    shape = {name: options.pop(name) for name in ("movflags",) if name in options}
    # A file with a name: FFmpeg opens it a second time to move a header to its start.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "clip")
        with av.open(str(file), "w", format=kind, options=shape) as container:
            stream: Any = None
            for number, frame in enumerate(frames):
                if stream is None:
                    stream = container.add_stream(codec, rate=fps, options=options)
                    stream.width, stream.height, stream.pix_fmt = *frame.size, pixels
                    stream.codec_context.thread_count = 1
                picture = av.VideoFrame.from_image(frame)  # type: ignore[no-untyped-call]
                picture.pts, picture.time_base = number, Fraction(1, fps)
                container.mux(stream.encode(picture))
            if stream is not None:
                container.mux(stream.encode(None))
        return file.read_bytes()


def encode_sound(kind: str = "mp4", seconds: float = 1.0) -> bytes:
    """Sound without a picture."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream: Any = container.add_stream("aac" if kind == "mp4" else "libopus", rate=48_000)
        stream.layout = "mono"
        for start in range(0, int(seconds * 48_000), 960):
            samples = np.zeros((1, 960), np.float32)
            sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 48_000, start
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return file.getvalue()
