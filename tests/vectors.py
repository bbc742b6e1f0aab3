"""Unit vectors with known similarities, and collections of them."""

from typing import Any

import numpy as np

from cv.engine.types import ModelInfo
from cv.models import Collection, EnrolledFace
from cv.search.base import Vectors
from cv.services import NewFace, collection_create, faces_enrol
from cv.trust.caller import Caller

MODEL = ModelInfo("toy", "1", "ab" * 32)
DIMENSIONS = 128


def axis(number: int) -> Vectors:
    """The unit vector along one axis: similarity 0 to all others. float32 (D,)."""
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[number] = 1.0
    return vector


def near(number: int, similarity: float, away: int) -> Vectors:
    """A unit vector with this similarity to one axis, and the rest along the axis ``away``."""
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[number], vector[away] = similarity, (1 - similarity**2) ** 0.5
    return vector


def made_collection(caller: Caller, name: str = "staff", ttl_days: int | None = None) -> Collection:
    return collection_create(name, ttl_days, MODEL, DIMENSIONS, caller)


def enrolled(
    collection: Collection, caller: Caller, subject: str, *vectors: Vectors, **said: Any
) -> list[EnrolledFace]:
    return faces_enrol(collection, [NewFace(subject, vector, **said) for vector in vectors], caller)
