"""Scores the served traits of faces against CelebA's 40 flags."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from cv.engine.errors import EngineError
from cv.engine.labels import ALL_TRAITS
from cv.engine.outputs import get_output
from cv.engine.pipeline import Engine
from cv.engine.types import AnalysisOptions, FaceResult, Flags
from training.data.labels import Row

OUTPUTS: Final = ("traits", "judged_traits")
_BINS: Final = 10

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def score_traits(engine: Engine, numbered: Iterable[tuple[int, Row]]) -> dict[str, Any]:
    """Scores rows with ``image`` and ``flags`` by the largest face of each; those without a face are left out.

    ``traits_accuracy`` and ``traits_balanced_accuracy`` are means over the 40 traits, ``traits_ece`` the mean of their
    calibration errors; ``traits`` has the same, and the share of faces that have it, for each. Raises ValueError if no
    row can be scored.
    """
    said, true, genders = [], [], []
    for row, face in largest_faces(engine, numbered, *OUTPUTS):
        if row["flags"] is not None:
            said.append([share for name in OUTPUTS for share in read_shares(face, name)])
            true.append([name in row["flags"] for name in ALL_TRAITS])
            genders.append(str(row.get("gender")))
    if not said:
        raise ValueError("flags: no row has a face and flags")
    shares, flags, of = np.array(said), np.array(true), np.array(genders)
    groups = {gender: of == gender for gender in ("female", "male")}
    return {
        "faces": len(shares),
        **score_flags(shares, flags),
        "traits": {
            name: {
                "share": round(float(flags[:, i].mean()), 4),
                **_score_one(shares[:, i], flags[:, i]),
                **{g: _score_one(shares[m, i], flags[m, i]) for g, m in groups.items() if m.any()},
            }
            for i, name in enumerate(ALL_TRAITS)
        },
        "groups": {
            gender: {"n": int(members.sum()), **score_flags(shares[members], flags[members])}
            for gender, members in groups.items()
            if members.any()
        },
    }


def score_flags(shares: Floats, flags: Bools) -> dict[str, float]:
    """The means over the traits. shares: probabilities ``(N, T)``; flags: ``(N, T)``."""
    each = [_score_one(shares[:, i], flags[:, i]) for i in range(shares.shape[1])]
    return {
        f"traits_{measure}": round(float(np.mean([scores[measure] for scores in each])), 4)
        for measure in ("accuracy", "balanced_accuracy", "ece")
    }


def _score_one(shares: Floats, flags: Bools) -> dict[str, float]:
    """Of one trait. The balanced accuracy is the mean over the classes that occur."""
    right = (shares >= 0.5) == flags
    balanced = np.mean([right[flags == known].mean() for known in np.unique(flags)])
    at = np.minimum((shares * _BINS).astype(int), _BINS - 1)
    gaps = [abs((shares[at == b] - flags[at == b]).sum()) for b in np.unique(at)]
    return {
        "accuracy": round(float(right.mean()), 4),
        "balanced_accuracy": round(float(balanced), 4),
        "ece": round(float(np.sum(gaps) / len(shares)), 4),
    }


def largest_faces(
    engine: Engine, numbered: Iterable[tuple[int, Row]], *outputs: str
) -> Iterator[tuple[Row, FaceResult]]:
    """Each row's largest face with these outputs; rows without one, or with an unreadable picture, are left out."""
    asked = AnalysisOptions(attributes=frozenset(outputs), max_faces=1)
    for _, row in tqdm(numbered, desc=" and ".join(outputs), unit="img"):
        try:
            faces = engine.analyze(row["image"] or b"", asked).faces
        except EngineError:
            continue
        if faces:
            yield row, faces[0]


def read_shares(face: FaceResult, name: str) -> list[float]:
    """The probabilities of an output of flags, in the order of its labels."""
    answer = face.attributes[name]
    assert isinstance(answer, Flags)
    return [answer.probabilities[label] for label in get_output(name).labels]
