"""Measures fused answers on tracks made from stills: does a narrowed interval contain the label as often as stated?

``python -m training.measure.tracks --data utkface.parquet --output age`` prints one JSON object. Every still becomes a
track of ``--views`` frames: the camera drifts, light, noise, sharpness and compression change. What a model gets wrong
about a person stays in all frames, so frames of one person are not independent. The widths of single frames' intervals
were fitted on faces of ``val``, the default split, as they are in the table, not shaken.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from PIL import Image, ImageEnhance, ImageFilter

from cv.engine.config import EngineConfig
from cv.engine.decode import DecodedImage
from cv.engine.outputs import get_output
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from cv.engine.types import Category, Estimate, FaceResult
from cv.engine.video.fusion import Numbers, fusion_of

SIDE = 320
# How much of the last frame's place, light and noise the next one keeps.
DRIFT = 0.8


@dataclass(frozen=True, slots=True)
class Measured:
    """A track's label, the answer of its first frame, and the fused one."""

    label: Any
    single: Any
    fused: Any


def views(still: Image.Image, count: int, random: np.random.Generator) -> Iterator[Image.Image]:
    """Frames of a camera that drifts over the still: RGB, ``SIDE`` pixels a side."""
    state = random.normal(size=7)
    for _ in range(count):
        state = DRIFT * state + (1 - DRIFT**2) ** 0.5 * random.normal(size=7)
        zoom = SIDE / max(still.size) * float(np.clip(0.85 + 0.12 * state[0], 0.5, 1.2))
        angle = np.deg2rad(5 * state[1])
        cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
        middle = SIDE / 2 + 12 * state[2], SIDE / 2 + 12 * state[3]
        left = still.width / 2 - cosine * middle[0] - sine * middle[1]
        top = still.height / 2 + sine * middle[0] - cosine * middle[1]
        frame = still.transform(
            (SIDE, SIDE), Image.Transform.AFFINE, (cosine, sine, left, -sine, cosine, top), Image.Resampling.BILINEAR
        )
        frame = ImageEnhance.Brightness(frame).enhance(float(np.clip(1 + 0.15 * state[4], 0.5, 1.6)))
        frame = frame.filter(ImageFilter.GaussianBlur(max(0.0, 0.5 + 0.4 * float(state[5]))))
        noisy = np.asarray(frame, np.float32) + random.normal(scale=max(1.0, 4 + 2 * state[6]), size=(SIDE, SIDE, 3))
        packed = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(packed, "JPEG", quality=int(random.integers(50, 92)))
        yield Image.open(packed).convert("RGB")


def measure(engine: Engine, still: Image.Image, label: Any, name: str, count: int, seed: int) -> Measured | None:
    """None if fewer than half of the frames show a face."""
    random, readers = np.random.default_rng(seed), engine.readers_of(frozenset({name}))
    faces: list[FaceResult] = []
    for frame in views(still, count, random):
        image = DecodedImage(frame, SIDE, SIDE, 1.0, "", "", b"")
        if found := engine.find(image, 40, 1):
            faces += engine.describe(image, found[:1], readers)[0]
    if len(faces) < count / 2:
        return None
    fusion = fusion_of(get_output(name))
    for face in faces:
        fusion.add(face.attributes[name], max(0.01, face.quality.score))
    return Measured(label, faces[0].attributes[name], fusion)


def estimates(tracks: list[Measured]) -> dict[str, float]:
    """Errors, coverage and widths of one frame and of the fused answer, and of the latter without narrowing."""

    def held(answer: Estimate, label: float) -> bool:
        low, high = answer.interval or (0.0, 0.0)
        return low <= label <= high

    def width(answer: Estimate) -> float:
        low, high = answer.interval or (0.0, 0.0)
        return high - low

    fused = [track.fused.fused() for track in tracks]
    wide = [_unnarrowed(track.fused) for track in tracks]
    labels = [float(track.label) for track in tracks]
    return {
        "n": len(tracks),
        "stated": tracks[0].single.coverage,
        "single_mae": _mean(abs(track.single.value - label) for track, label in zip(tracks, labels, strict=True)),
        "fused_mae": _mean(abs(answer.value - label) for answer, label in zip(fused, labels, strict=True)),
        "single_coverage": _mean(held(track.single, label) for track, label in zip(tracks, labels, strict=True)),
        "fused_coverage": _mean(held(answer, label) for answer, label in zip(fused, labels, strict=True)),
        "unnarrowed_coverage": _mean(held(answer, label) for answer, label in zip(wide, labels, strict=True)),
        "single_width": _mean(width(track.single) for track in tracks),
        "fused_width": _mean(map(width, fused)),
        "unnarrowed_width": _mean(map(width, wide)),
        "narrower": _mean(width(answer) < width(one) for answer, one in zip(fused, wide, strict=True)),
    }


def categories(tracks: list[Measured]) -> dict[str, float]:
    """Accuracy and mean log-likelihood of one frame and of the fused answer."""
    fused = [track.fused.fused() for track in tracks]

    def likelihood(answer: Category, label: str) -> float:
        return float(np.log(max(answer.probabilities[label], 1e-6)))

    return {
        "n": len(tracks),
        "single_accuracy": _mean(track.single.label == track.label for track in tracks),
        "fused_accuracy": _mean(answer.label == track.label for answer, track in zip(fused, tracks, strict=True)),
        "single_log_likelihood": _mean(likelihood(track.single, track.label) for track in tracks),
        "fused_log_likelihood": _mean(likelihood(one, track.label) for one, track in zip(fused, tracks, strict=True)),
        "single_confidence": _mean(max(track.single.probabilities.values()) for track in tracks),
        "fused_confidence": _mean(max(answer.probabilities.values()) for answer in fused),
    }


def _unnarrowed(fusion: Numbers) -> Estimate:
    value = fusion.values / fusion.total
    interval = (value - fusion.below / fusion.total, value + fusion.above / fusion.total)
    return Estimate(value, interval, fusion.scale, fusion.coverage)


def _mean(values: Any) -> float:
    return round(float(np.mean(list(values))), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a labelled table, as for training.evaluate")
    parser.add_argument("--output", required=True, help="the answer to fuse; the table has a column of its name")
    parser.add_argument("--views", type=int, default=10, help="frames of a track")
    parser.add_argument("--limit", type=int, default=200, help="stills, drawn with a fixed seed")
    parser.add_argument("--split", default="val")
    given = parser.parse_args()
    table = parquet.read_table(given.data, columns=["image", "split", given.output]).to_pylist()
    rows = [row for row in table if row["split"] == given.split and row[given.output] is not None]
    order = np.random.default_rng(0).permutation(len(rows))[: given.limit]
    engine = get_engine(EngineConfig(threads=1))
    tracks = []
    for seed, index in enumerate(order):
        still = Image.open(io.BytesIO(rows[index]["image"])).convert("RGB")
        track = measure(engine, still, rows[index][given.output], given.output, given.views, seed)
        if track is not None:
            tracks.append(track)
    shape = estimates if isinstance(tracks[0].single, Estimate) else categories
    print(json.dumps({"output": given.output, "views": given.views, **shape(tracks)}))


if __name__ == "__main__":
    main()
