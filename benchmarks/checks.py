"""Measures what the last check of every face and its quality cost, beside the answers themselves."""

from typing import Any

import numpy as np

from benchmarks.yardstick import cpu_seconds
from cv.engine.decode import decode
from cv.engine.pipeline import Engine
from cv.engine.types import AnalysisOptions

_PARTS = ("second crop", "check", "quality")
_TURNS = 3


def check_costs(engine: Engine, photos: list[bytes]) -> dict[str, Any]:
    """Milliseconds of a core for a face, on average: the chips of the second crop, the check, the quality, and all
    together. ``engine`` has one thread, and a check.
    """
    costs = [_costs(engine, photo) for photo in photos]
    faces = sum(found for found, _ in costs)
    each = 1000 * np.sum([seconds for _, seconds in costs], axis=0) / faces
    named = dict(zip((*_PARTS, "together"), [*each, each.sum()], strict=True))
    return {name: round(float(ms), 3) for name, ms in named.items()} | {"faces": faces}


def _costs(engine: Engine, photo: bytes) -> tuple[int, list[float]]:
    """The faces of a photo, and the seconds of each part: the least of three turns."""
    options, check, judge = AnalysisOptions(), engine.check, engine.judge
    assert check is not None
    image = decode(photo, engine.limits, options.min_face_px)
    found = engine.find(image, options.min_face_px, options.max_faces)
    seen, judged = (engine.cut(image, found, crop).pixels for crop in (check.crop, judge.crop))
    parts = (
        lambda: engine.cut(image, found, check.crop),
        lambda: check.keep_faces(found, seen),
        lambda: judge.assess(found, judged, image.pixels.size),
    )
    return len(found), [min(cpu_seconds(part) for _ in range(_TURNS)) for part in parts]
