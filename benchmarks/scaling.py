"""Measures how the cost grows: of a photo with its pixels and faces, of a search with the faces of a collection."""

import io
import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks import search
from benchmarks.scenes import grid
from benchmarks.yardstick import in_products
from cv.engine.pipeline import Engine
from cv.engine.types import AnalysisOptions

MEGAPIXELS: Final = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 50.0)
FACES: Final = (0, 1, 2, 4, 8, 16, 32, 64, 128, 300)
GALLERIES: Final = (1_000, 10_000, 100_000, 1_000_000)
_REPEATS: Final = 5
_QUERIES: Final = 32
# One picture of two faces is shrunk and enlarged; 300 faces have room in one of 4.3 megapixels.
_PIXELS_CANVAS: Final = (1600, 1200)
_FACES_CANVAS: Final = (2400, 1800)
_HEAD_PX: Final = 96
_SHARE: Final = 4 / 3


def by_pixels(engine: Engine, one: Engine) -> list[dict[str, float]]:
    """Times pictures of growing size with the same two faces. ``one`` is the engine with one thread."""
    picture = grid(2, _PIXELS_CANVAS)
    return [_timed(engine, one, picture.resize(_size(megapixels)), 2) for megapixels in MEGAPIXELS]


def by_faces(engine: Engine, one: Engine) -> list[dict[str, float]]:
    """Times pictures of the same size with a growing number of faces. ``one`` is the engine with one thread."""
    return [_timed(engine, one, grid(faces, _FACES_CANVAS, _HEAD_PX), faces) for faces in FACES]


def by_gallery() -> list[dict[str, Any]]:
    """Times searches in NumPy among a growing number of enrolled faces."""
    return [search.measured("numpy", search.faces(count), _QUERIES) for count in GALLERIES]


def growth(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """For each curve of a report: what grows, what it costs, the points ``[size, cost]`` and its two exponents."""
    pixels, faces, http = result["by_pixels"], result["by_faces"], result["http"]
    clients = {int(name.removeprefix("clients_")): row for name, row in http.items() if name.startswith("clients_")}
    seen = [row for row in faces if row["faces"]]
    # More than the first: a photo without faces is searched in other directions, too, and costs more than with one.
    one, further = seen[0], [row for row in seen[1:] if row["total"] > seen[0]["total"]]
    curves = {
        "pixels": ("megapixels", "ms a photo", [(row["megapixels"], row["total"]) for row in pixels]),
        "faces": ("faces", "ms a photo", [(row["faces"], row["total"]) for row in seen]),
        "further faces": (
            "faces after the first",
            "ms more than with one",
            [(row["faces"] - one["faces"], row["total"] - one["total"]) for row in further],
        ),
        "waiting": ("clients", "ms, median", [(count, row["ms_median"]) for count, row in clients.items()]),
        "rate": ("clients", "answers a second", [(n, row["requests_per_second"]) for n, row in clients.items()]),
        "search": (
            "enrolled faces",
            "ms of a core",
            [(row["faces"], row["cpu_ms_p50"]) for row in result["by_gallery"]],
        ),
    }
    return {
        name: {
            "of": of,
            "cost": cost,
            "points": [[size, round(spent, 2)] for size, spent in points],
            "exponent": exponent(points),
            "exponent_upper_half": exponent(points[(len(points) - 1) // 2 :]),
        }
        for name, (of, cost, points) in curves.items()
    }


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The k of the curve c · size^k that fits the logarithms of ``(size, cost)`` best: 0 is flat, 1 is linear."""
    sizes, costs = np.log(np.array(points, dtype=float)).T
    return round(float(np.polyfit(sizes, costs, 1)[0]), 2)


def _size(megapixels: float) -> tuple[int, int]:
    height = (megapixels * 1e6 / _SHARE) ** 0.5
    return round(height * _SHARE), round(height)


def _timed(engine: Engine, one: Engine, picture: Image.Image, faces: int) -> dict[str, float]:
    """``products``: the processor time on one core, in matrix products."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    options = AnalysisOptions(max_faces=max(1, faces))
    engine.analyze(file.getvalue(), options)
    results = [engine.analyze(file.getvalue(), options) for _ in range(_REPEATS)]
    stages = {
        stage: round(statistics.median(getattr(result.timing_ms, stage) for result in results), 2)
        for stage in ("decode", "detect", "attributes", "total")
    }
    return {
        "megapixels": round(picture.width * picture.height / 1e6, 2),
        "faces": len(results[0].faces),
        **stages,
        "products": in_products([partial(one.analyze, file.getvalue(), options)]),
    }
