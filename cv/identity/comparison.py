"""Compares each face of one image with each face of another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cv.engine.odds import Odds
from cv.identity.faces import IdentifiedFace


@dataclass(frozen=True, slots=True)
class Pair:
    """Two faces by their indexes. ``same`` is None if there is a doubt about one of them."""

    first: int
    second: int
    similarity: float
    probability: float
    same: bool | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """``similarity`` is the cosine that only a share ``fmr`` of pairs of different people exceeds."""

    fmr: float
    similarity: float


def compare_faces(
    first: Sequence[IdentifiedFace], second: Sequence[IdentifiedFace], odds: Odds, fmr: float, prior: float
) -> tuple[Threshold, list[Pair]]:
    """The threshold used, and every pair, those of the first image's first face first."""
    threshold = Threshold(fmr, odds.threshold(fmr))
    cosines = np.array([face.vector for face in first]) @ np.array([face.vector for face in second]).T
    pairs = [
        Pair(
            one.index,
            other.index,
            cosine,
            odds.probability(cosine, prior),
            None if one.doubts or other.doubts else cosine > threshold.similarity,
        )
        for one, row in zip(first, cosines.clip(-1, 1).tolist(), strict=True)
        for other, cosine in zip(second, row, strict=True)
    ]
    return threshold, pairs
