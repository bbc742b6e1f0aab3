"""``make bench-peers``: compares our time with other packages', photo by photo in turns, so that other load slows both.

``python -m benchmarks.peers [--photos DIR] [--only NAME …] [--limit N] [--output FILE]``: with facenet-pytorch, our
time from bytes to all attributes against its detection alone; with the others, bytes to answers for both. Compare the
ratio.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.machine import machine
from benchmarks.peers.packages import FACENET, PACKAGES, Package, Running, start
from benchmarks.peers.page import write_page
from benchmarks.photos import read_photos
from benchmarks.report import RESULTS
from benchmarks.scenes import CACHE, photos_or_scenes
from cv.engine.config import EngineConfig
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, AnalysisResult

SMALL_PX = 640
# The smallest face to find, the same for both: first the peer's default, then ours.
MIN_FACE_PX = (20, 40)
# Full-size photos for the packages whose time is measured from bytes to answers: two of them take a second for one.
FULL_SIZE_PHOTOS = 12
_SAME_FACE_IOU = 0.5
_WARM_UP = 2


@dataclass(slots=True)
class Tally:
    """The measurements of one set of photos with one smallest face."""

    ours_ms: list[float] = field(default_factory=list)
    peer_ms: list[float] = field(default_factory=list)
    peer_faces: int = 0
    found_too: int = 0
    our_faces: int = 0

    def add(self, ours_ms: float, peer_ms: float) -> None:
        self.ours_ms.append(ours_ms)
        self.peer_ms.append(peer_ms)

    def times(self) -> dict[str, float]:
        ours, peer = statistics.median(self.ours_ms), statistics.median(self.peer_ms)
        return {
            "ours_ms": round(ours, 1),
            "peer_ms": round(peer, 1),
            "ratio": round(ours / peer, 3),
            "ours_ms_mean": round(statistics.mean(self.ours_ms), 1),
            "peer_ms_mean": round(statistics.mean(self.peer_ms), 1),
        }

    def faces(self) -> dict[str, int]:
        return {"peer_faces": self.peer_faces, "our_faces": self.our_faces}

    def row(self) -> dict[str, Any]:
        agreement = round(self.found_too / self.peer_faces, 4) if self.peer_faces else None
        return self.times() | self.faces() | {"found_too": self.found_too, "agreement": agreement}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of photos; without it, scenes made of packages' pictures")
    parser.add_argument("--environments", type=Path, default=CACHE / "peers", help="where packages are installed")
    parser.add_argument("--only", nargs="+", choices=PACKAGES, default=list(PACKAGES), help="measure only these")
    parser.add_argument("--limit", type=int, help="at most this many photos")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--output", type=Path, help="also write the JSON to this file, and keep what it has of others")
    arguments = parser.parse_args()
    folder = photos_or_scenes(arguments.photos)
    sides = {"640 px": SMALL_PX, "full size": None}
    sets = {name: read_photos(folder, side)[: arguments.limit] for name, side in sides.items()}
    result: dict[str, Any] = {}
    if arguments.output and arguments.output.exists():
        result = json.loads(arguments.output.read_text())
    described = machine()
    result["left_out"] = {}
    for name in arguments.only:
        try:
            with start(name, arguments.environments) as running:
                if name == FACENET:
                    result |= {"machine": described, **compare(running, sets, PACKAGES[name].threads, arguments.rounds)}
                else:
                    found = compare_package(running, PACKAGES[name], sets, arguments.rounds)
                    result["packages"] = result.get("packages", {}) | {name: {"machine": described, **found}}
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            # One that cannot be installed or dies must not lose the others' results.
            print(f"{name} left out: {error}", file=sys.stderr)
            result["left_out"][name] = str(error)
        if arguments.output:
            arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.output and arguments.output.resolve() == RESULTS / "peers.json":
        write_page(result)
    print(json.dumps({name: value for name, value in result.items() if name != "machine"}, indent=1))
    if result["left_out"]:
        sys.exit(f"left out: {', '.join(result['left_out'])}")


def compare(peer: Running, sets: dict[str, list[bytes]], threads: int, rounds: int) -> dict[str, Any]:
    """Our time from bytes to all attributes, and the peer's detection, which gets the smallest face to find."""
    engine = get_engine(EngineConfig(threads=threads))
    package = PACKAGES[peer.name]
    result: dict[str, Any] = {"peer": f"{package.name}=={package.version}", "threads": threads, "sets": {}}
    for name, photos in sets.items():
        tallies = _measure(engine, peer, photos, rounds)
        # Each with its own default: the peer's smallest face is smaller than ours.
        ours, theirs = tallies[MIN_FACE_PX[1]], tallies[MIN_FACE_PX[0]]
        result["sets"][name] = {
            "photos": len(photos),
            "by_min_face_px": {str(px): tally.row() for px, tally in tallies.items()},
            "ratio_of_defaults": round(statistics.median(ours.ours_ms) / statistics.median(theirs.peer_ms), 3),
        }
    return result


def compare_package(peer: Running, package: Package, sets: dict[str, list[bytes]], rounds: int) -> dict[str, Any]:
    """Times from bytes to answers, each by its defaults, with as many threads as the package can use.

    We give our five attributes where it gives some of them; where it gives an embedding, that of the largest face, too.
    """
    embeds = package.outputs == ("embedding",)
    engine = get_engine(EngineConfig(threads=package.threads, identity=embeds))
    options = AnalysisOptions(frozenset({"embedding"}), max_faces=1) if embeds else AnalysisOptions()
    described = {"version": package.version, "gives": package.outputs, "threads": package.threads}
    measured = {}
    for name, photos in sets.items():
        tally = Tally()
        some = photos[:FULL_SIZE_PHOTOS] if name == "full size" else photos
        with _files(some) as files:
            for file, photo in zip(files[:_WARM_UP], some[:_WARM_UP], strict=True):
                engine.analyze(photo, options)
                peer.ask(file)
            for turn in tqdm(range(rounds * len(some)), desc=f"{peer.name}, {name}", unit="photo"):
                answer = peer.ask(files[turn % len(some)])
                began = time.perf_counter()
                ours = engine.analyze(some[turn % len(some)], options)
                tally.add((time.perf_counter() - began) * 1000, answer.ms)
                if turn < len(some):
                    tally.peer_faces += len(answer.faces)
                    tally.our_faces += len(ours.faces)
        measured[name] = {"photos": len(some), **tally.times(), **tally.faces()}
    return described | {"sets": measured}


@contextmanager
def _files(photos: list[bytes]) -> Iterator[list[Path]]:
    """The photos as files, while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i:05}" for i in range(len(photos))]
        for file, photo in zip(files, photos, strict=True):
            file.write_bytes(photo)
        yield files


def _measure(engine: Engine, peer: Running, photos: list[bytes], rounds: int) -> dict[int, Tally]:
    tallies = {px: Tally() for px in MIN_FACE_PX}
    with _files(photos) as files:
        for px in MIN_FACE_PX:
            for file, photo in list(zip(files, photos, strict=True))[:_WARM_UP]:
                engine.analyze(photo, AnalysisOptions(min_face_px=px))
                peer.ask(file, min_face_px=px)
        for turn in tqdm(range(rounds * len(photos)), desc=peer.name, unit="photo"):
            file, photo = files[turn % len(photos)], photos[turn % len(photos)]
            for px, tally in tallies.items():
                answer = peer.ask(file, min_face_px=px)
                began = time.perf_counter()
                ours = engine.analyze(photo, AnalysisOptions(min_face_px=px, max_faces=1000))
                tally.add((time.perf_counter() - began) * 1000, answer.ms)
                if turn < len(photos):
                    boxes = [face["box"] for face in answer.faces]
                    tally.peer_faces += len(boxes)
                    tally.our_faces += len(ours.faces)
                    tally.found_too += found_too(boxes, ours)
    return tallies


def found_too(theirs: list[list[float]], ours: AnalysisResult) -> int:
    """The number of the peer's boxes that one of our boxes overlaps by at least half."""
    if not theirs or not ours.faces:
        return 0
    boxes = [face.box for face in ours.faces]
    corners = np.array([[box.x, box.y, box.x + box.width, box.y + box.height] for box in boxes])
    return int((_iou(np.array(theirs), corners).max(axis=1) >= _SAME_FACE_IOU).sum())


def _iou(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``(N, 4)`` and ``(M, 4)`` xyxy → ``(N, M)``."""
    top_left = np.maximum(one[:, None, :2], other[None, :, :2])
    bottom_right = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.maximum(bottom_right - top_left, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    return np.asarray(shared / (areas[0][:, None] + areas[1][None] - shared))


if __name__ == "__main__":
    main()
