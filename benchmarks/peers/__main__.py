"""Compares our time from bytes to all attributes with the peer's time for detection alone, photo by photo in turns.

``python -m benchmarks.peers [--photos DIR] [--json]``. Both get the same photos, at full size and shrunk to 640 pixels,
within a second of each other, so that other load slows both equally. Compare the ratio.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.machine import machine
from benchmarks.peers.peer import PACKAGE, Peer, start_peer
from benchmarks.photos import read_photos
from benchmarks.scenes import CACHE, photos_or_scenes
from cv.engine.config import EngineConfig
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, AnalysisResult

SMALL_PX = 640
# The smallest face to find, the same for both: first the peer's default, then ours.
MIN_FACE_PX = (20, 40)
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

    def row(self) -> dict[str, Any]:
        ours, peer = statistics.median(self.ours_ms), statistics.median(self.peer_ms)
        return {
            "ours_ms": round(ours, 1),
            "peer_ms": round(peer, 1),
            "ratio": round(ours / peer, 3),
            "ours_ms_mean": round(statistics.mean(self.ours_ms), 1),
            "peer_ms_mean": round(statistics.mean(self.peer_ms), 1),
            "peer_faces": self.peer_faces,
            "found_too": self.found_too,
            "agreement": round(self.found_too / self.peer_faces, 4) if self.peer_faces else None,
            "our_faces": self.our_faces,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of photos; without it, scenes made of packages' pictures")
    parser.add_argument("--venv", type=Path, default=CACHE / "peers" / "facenet", help="the peer's environment")
    parser.add_argument("--threads", type=int, default=2, help="for both")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--output", type=Path, help="also write the JSON to this file")
    parser.add_argument("--json", action="store_true", help="one line instead of a table")
    arguments = parser.parse_args()
    photos = photos_or_scenes(arguments.photos)
    with start_peer(arguments.venv, arguments.threads) as peer:
        result = compare(peer, photos, arguments.threads, arguments.rounds)
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.json:
        print(json.dumps(result))
    else:
        _print_table(result)


def compare(peer: Peer, folder: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Runs the comparison; gives its JSON object."""
    engine = get_engine(EngineConfig(threads=threads))
    result: dict[str, Any] = {"peer": PACKAGE, "machine": machine(), "threads": threads, "sets": {}}
    for name, max_side in (("640 px", SMALL_PX), ("full size", None)):
        photos = read_photos(folder, max_side)
        tallies = _measure(engine, peer, photos, rounds)
        # Each with its own default: the peer's smallest face is smaller than ours.
        ours, theirs = tallies[MIN_FACE_PX[1]], tallies[MIN_FACE_PX[0]]
        result["sets"][name] = {
            "photos": len(photos),
            "by_min_face_px": {str(px): tally.row() for px, tally in tallies.items()},
            "ratio_of_defaults": round(statistics.median(ours.ours_ms) / statistics.median(theirs.peer_ms), 3),
        }
    return result


def _measure(engine: Engine, peer: Peer, photos: list[bytes], rounds: int) -> dict[int, Tally]:
    tallies = {px: Tally() for px in MIN_FACE_PX}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i:05}" for i in range(len(photos))]
        for file, photo in zip(files, photos, strict=True):
            file.write_bytes(photo)
        for px in MIN_FACE_PX:
            for file, photo in list(zip(files, photos, strict=True))[:_WARM_UP]:
                engine.analyze(photo, AnalysisOptions(min_face_px=px))
                peer.detect(file, px)
        for turn in tqdm(range(rounds * len(photos)), unit="photo"):
            file, photo = files[turn % len(photos)], photos[turn % len(photos)]
            for px, tally in tallies.items():
                answer = peer.detect(file, px)
                began = time.perf_counter()
                ours = engine.analyze(photo, AnalysisOptions(min_face_px=px, max_faces=1000))
                tally.ours_ms.append((time.perf_counter() - began) * 1000)
                tally.peer_ms.append(answer.ms)
                if turn < len(photos):
                    tally.peer_faces += len(answer.boxes)
                    tally.our_faces += len(ours.faces)
                    tally.found_too += found_too(answer.boxes, ours)
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


def _print_table(result: dict[str, Any]) -> None:
    heads = ("min face", "ours, all", "peer, detect", "ratio", "peer's faces", "found too")
    for name, measured in result["sets"].items():
        print(f"\n{name}, {measured['photos']} photos; medians in ms")
        print("".join(f"{head:>14}" for head in heads))
        for px, row in measured["by_min_face_px"].items():
            agreement = "-" if row["agreement"] is None else f"{row['agreement']:.1%}"
            cells = (f"{px} px", row["ours_ms"], row["peer_ms"], row["ratio"], row["peer_faces"], agreement)
            print("".join(f"{cell:>14}" for cell in cells))
        print(f"each by its own default (ours {MIN_FACE_PX[1]}, the peer's {MIN_FACE_PX[0]} px): ", end="")
        print(f"{measured['ratio_of_defaults']:.3f}")


if __name__ == "__main__":
    main()
