"""Scores masks of people: the served matte against photos in which every pixel is labelled."""

import io
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from cv.engine.decode import decode
from cv.engine.edits.background import find_matte
from cv.engine.errors import EngineError
from cv.engine.pipeline import Engine
from cv.engine.types import MIN_FACE_PX_RANGE
from training.data.labels import Row

Mask = npt.NDArray[np.bool_]
# What the group of all is called in a table without kinds.
ALL = "all"


def score_portraits(engine: Engine, numbered: Iterable[tuple[int, Row]]) -> dict[str, float]:
    """The mean overlap (IoU) of the matte's half with ``mask``, a picture that is white where a person is, by ``kind``.

    Unreadable rows are left out. Raises ValueError if the weights have no such model or no row is readable.
    """
    if engine.portrait is None:
        raise ValueError("the weights have no model that tells people from their background")
    reader = engine.portrait.load()
    overlaps: dict[str, list[float]] = defaultdict(list)
    for _, row in tqdm(numbered, desc="masks", unit="img"):
        try:
            photo = decode(row["image"] or b"", engine.limits, MIN_FACE_PX_RANGE[0], reduce=False).pixels
        except EngineError:
            continue
        labelled = np.asarray(Image.open(io.BytesIO(row["mask"])).convert("L")) > 127
        matte = find_matte(photo, reader.read(photo)).rows(photo, 0, photo.height)
        overlaps[row.get("kind") or ALL].append(overlap(np.asarray(matte) > 127, labelled))
    if not overlaps:
        raise ValueError("no readable row has a mask")
    return {kind: round(float(np.mean(values)), 4) for kind, values in sorted(overlaps.items())}


def overlap(mask: Mask, other: Mask) -> float:
    """Intersection over union of two masks of one size; 1 if both are empty."""
    union = (mask | other).sum()
    return float((mask & other).sum() / union) if union else 1.0
