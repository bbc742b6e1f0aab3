"""Measures how a video is read: processor time for a second of video, and memory as it goes on.

``python -m benchmarks.video [--video FILE] [--rate N] [--stills]`` prints one JSON object. Without a file it reads a
clip of 720p and 30 frames a second, made of two portraits in the public domain. Processor time says what a quiet
machine needs, however busy this one is.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Any, Final

from cv.engine.config import EngineConfig, VideoLimits
from cv.engine.runtime import get_engine
from cv.engine.video.reading import read_video
from cv.engine.video.types import DEFAULT_RATE, VideoOptions, VideoQuestion

# How often memory is noted, as a share of the video.
_STEP: Final = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, help="a video; default: a clip that is made now")
    parser.add_argument("--rate", type=float, default=DEFAULT_RATE, help="frames looked at in a second")
    parser.add_argument("--stills", action="store_true", help="also make stills and small frames")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = given.video or _clip(Path(folder))
        print(json.dumps(measure(file, VideoOptions(rate=given.rate, stills=given.stills))))


def measure(file: Path, options: VideoOptions) -> dict[str, Any]:
    """The benchmark's JSON object: seconds of the processor for one of video, the factor of real time that two cores
    reach at that cost, and the resident memory in MB on the way."""
    engine = get_engine(EngineConfig(threads=1))
    memory: list[float] = []

    def tell(share: float) -> None:
        if share >= len(memory) * _STEP:
            memory.append(round(_resident_mb(), 1))

    limits = VideoLimits(work_seconds=24 * 3600)
    started, began = time.process_time(), time.monotonic()
    result = read_video(engine, VideoQuestion(file, options), limits, tell)
    cpu = (time.process_time() - started) / result.seconds
    return {
        "width": result.image.width,
        "height": result.image.height,
        "seconds": round(result.seconds, 2),
        "frames": result.frames,
        "people": len(result.people),
        "cpu_s_per_second": round(cpu, 3),
        "real_time_on_two_cores": round(2 / cpu, 2),
        "wall_s_per_second": round((time.monotonic() - began) / result.seconds, 3),
        "load": round(os.getloadavg()[0], 1),
        "memory_mb": memory,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _clip(folder: Path) -> Path:
    from tests.clips import encode_clip, moving_frames, portrait

    file = folder / "clip.mp4"
    scenes = (moving_frames(portrait(name), 6) for name in ("astronaut", "hopper"))
    file.write_bytes(encode_clip(chain(*scenes), preset="veryfast"))
    return file


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
