"""Scores the vectors of faces against labels of identity: every pair of pictures, and a search among all people."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cv.engine.errors import EngineError
from cv.engine.outputs import EMBEDDING
from cv.engine.pipeline import Engine
from cv.engine.types import AnalysisOptions, Vector
from training.data.labels import Row

RATES: Final = ("1e-2", "1e-3", "1e-4")

Floats = npt.NDArray[np.float64]


def score_verification(engine: Engine, numbered: Iterable[tuple[int, Row]]) -> dict[str, Any]:
    """Scores rows with ``image`` and ``identity`` by the largest face of each; those without one are left out.

    Raises ValueError if no two rows are of one person, or all are of one.
    """
    asked = AnalysisOptions(attributes=frozenset({EMBEDDING.name}), max_faces=1)
    vectors, people = [], []
    for _, row in tqdm(numbered, desc="identity", unit="img"):
        try:
            faces = engine.analyze(row["image"] or b"", asked).faces
        except EngineError:
            continue
        answer = faces[0].attributes[EMBEDDING.name] if faces else None
        if isinstance(answer, Vector) and row["identity"] is not None:
            vectors.append(answer.values)
            people.append(str(row["identity"]))
    return verify_all(np.array(vectors).reshape(len(vectors), -1), np.array(people))


def verify_all(vectors: Floats, people: npt.NDArray[np.str_]) -> dict[str, Any]:
    """``(N, D)`` rows of length 1, and whose each is, ``(N,)``.

    ``eer`` is the error rate at the threshold where false matches and false non-matches are equal; ``tar_at_fmr`` the
    share of pairs of one person above the threshold that so many pairs of different people exceed. ``rank1``: each
    person's first picture is enrolled, and each other picture must be nearest to its own person's.
    """
    cosines = vectors @ vectors.T
    upper = np.triu_indices(len(vectors), 1)
    same = (people[:, None] == people[None])[upper]
    genuine, impostor = np.sort(cosines[upper][same]), np.sort(cosines[upper][~same])
    if not len(genuine) or not len(impostor):
        raise ValueError("identity: no pair of one person, or none of two")
    every = np.concatenate([genuine, impostor])
    missed = np.searchsorted(genuine, every) / len(genuine)
    matched = 1 - np.searchsorted(impostor, every) / len(impostor)
    nearest = int(np.abs(missed - matched).argmin())
    names, enrolled = np.unique(people, return_index=True)
    probes = np.setdiff1d(np.arange(len(people)), enrolled)
    found = names[cosines[np.ix_(probes, enrolled)].argmax(axis=1)]
    return {
        "faces": len(people),
        "people": len(names),
        "genuine": len(genuine),
        "impostor": len(impostor),
        "eer": round(float(missed[nearest] + matched[nearest]) / 2, 4),
        "tar_at_fmr": {
            rate: round(float((genuine > impostor[-1 - int(float(rate) * len(impostor))]).mean()), 4) for rate in RATES
        },
        "rank1": round(float((found == people[probes]).mean()), 4),
    }
