"""Measures how the cost of a photo grows with its pixels and with the faces in it."""

import io
import statistics

from PIL import Image

from benchmarks.scenes import grid
from cv.engine.pipeline import Engine

_REPEATS = 5
_MEGAPIXELS = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 12.0)
_FACES = (0, 1, 2, 4, 8, 16, 32)
_CANVAS = (1600, 1200)
_SHARE = 4 / 3


def by_pixels(engine: Engine) -> list[dict[str, float]]:
    """Times pictures of growing size with the same two faces."""
    picture = grid(2, _CANVAS)
    return [_timed(engine, picture.resize(_size(megapixels)), megapixels) for megapixels in _MEGAPIXELS]


def by_faces(engine: Engine) -> list[dict[str, float]]:
    """Times pictures of the same size with a growing number of faces."""
    return [_timed(engine, grid(faces, _CANVAS), _CANVAS[0] * _CANVAS[1] / 1e6) for faces in _FACES]


def _size(megapixels: float) -> tuple[int, int]:
    height = (megapixels * 1e6 / _SHARE) ** 0.5
    return round(height * _SHARE), round(height)


def _timed(engine: Engine, picture: Image.Image, megapixels: float) -> dict[str, float]:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    engine.analyze(file.getvalue())
    results = [engine.analyze(file.getvalue()) for _ in range(_REPEATS)]
    stages = {
        stage: round(statistics.median(getattr(result.timing_ms, stage) for result in results), 2)
        for stage in ("decode", "detect", "attributes", "total")
    }
    return {"megapixels": round(megapixels, 2), "faces": len(results[0].faces), **stages}
