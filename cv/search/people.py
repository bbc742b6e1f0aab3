"""Finds people in a collection: the nearest faces that still exist, the best of each person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from cv.models import EnrolledFace
from cv.search.assignment import assign
from cv.search.base import Hit, Vectors
from cv.search.served import nearest
from cv.selectors import unexpired

# Faces asked for in the first look, for each person wanted; four times as many in each further one.
FACES_A_PERSON: Final = 4
LOOKED_UP: Final = 500


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person whose best face in the collection has this cosine similarity to the probe."""

    subject: str
    face: UUID
    similarity: float


def people_near(collection: UUID, probes: Vectors, most: int) -> list[list[Candidate]]:
    """For each probe up to ``most`` people, the most similar first, without faces that are erased or expired.

    Raises Collection.DoesNotExist, IndexBehind, SearchUnavailable, Unreadable.
    """
    k = most * FACES_A_PERSON
    while True:
        hits = nearest(collection, probes, k)
        rows = live_faces(collection, {hit.key for found in hits for hit in found})
        people = [_best_faces(found, rows)[:most] for found in hits]
        if all(len(found) >= most or len(seen) < k for found, seen in zip(people, hits, strict=True)):
            return people
        k *= FACES_A_PERSON


def live_faces(collection: UUID, keys: Iterable[int]) -> dict[int, tuple[str, UUID]]:
    """Subject and id of those faces that exist and have not expired, by key."""
    wanted = sorted(keys)
    found: dict[int, tuple[str, UUID]] = {}
    for start in range(0, len(wanted), LOOKED_UP):
        rows = EnrolledFace.objects.filter(unexpired(), collection=collection, pk__in=wanted[start : start + LOOKED_UP])
        found |= {key: (subject, uuid) for key, subject, uuid in rows.values_list("pk", "subject", "uuid")}
    return found


def _best_faces(hits: Sequence[Hit], rows: dict[int, tuple[str, UUID]]) -> list[Candidate]:
    best: dict[str, Candidate] = {}
    for hit in hits:
        if hit.key in rows:
            subject, uuid = rows[hit.key]
            best.setdefault(subject, Candidate(subject, uuid, hit.similarity))
    return list(best.values())


def one_name_each(found: Sequence[Sequence[Candidate]]) -> list[Candidate | None]:
    """Gives each face of a photo at most one of its candidates, and each person to at most one face.

    Of all ways to do so, the one with the largest sum of similarities. None is an unknown face.
    """
    names = sorted({candidate.subject for candidates in found for candidate in candidates})
    column = {name: index for index, name in enumerate(names)}
    gains = np.zeros((len(found), len(names)))
    for row, candidates in enumerate(found):
        for candidate in candidates:
            gains[row, column[candidate.subject]] = candidate.similarity
    given = assign(gains)
    return [
        next((candidate for candidate in candidates if column[candidate.subject] == given.get(row)), None)
        for row, candidates in enumerate(found)
    ]
