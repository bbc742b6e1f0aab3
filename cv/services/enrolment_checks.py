"""Compares new faces with those that are enrolled, and with each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from cv.models import Collection, EnrolledFace
from cv.models.collections import enrolled_place
from cv.search.base import Vectors
from cv.search.people import people_near
from cv.selectors import unexpired
from cv.services.enrolment_errors import AlreadyEnrolled, BelongsToAnother, FarFromSubject
from cv.trust.vectors import unseal_vectors

# The same photo, saved again at another size or quality.
SAME_PHOTO: Final = 0.99
COMPARED_AT_ONCE: Final = 256
LOOKED_UP: Final = 500


class RefusalReason(StrEnum):
    """Why an enrolment is refused unless the client accepts it."""

    LOW_QUALITY = "low_quality"
    CHILD = "child"
    FAR_FROM_SUBJECT = "far_from_subject"
    BELONGS_TO_ANOTHER = "belongs_to_another"


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to enrol. ``vector`` is a unit vector of the collection's model, float32 (D,)."""

    subject: str
    vector: npt.NDArray[np.float32]
    quality_score: float | None = None
    image_sha256: str = ""
    consent: str = ""
    ttl_days: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Faces to compare with: their people, ids (None for a new face), and unit vectors, float32 (N, D)."""

    subjects: list[str]
    faces: list[UUID | None]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Rules:
    """``far``: a face less similar than this to all others of its subject is refused; ``another``: so is one that is
    this similar, or more, to someone else, and more similar to them than to its own subject. ``name``: whether the
    refusal may say who that is."""

    far: float
    another: float
    name: bool


@dataclass(slots=True)
class Closest:
    """The nearest face of the same subject and of someone else, found so far."""

    own: float = -np.inf
    own_face: UUID | None = None
    other: float = -np.inf
    other_subject: str = ""


@dataclass(slots=True)
class Comparison:
    """New faces, and what is closest to each."""

    new: Sequence[NewFace]
    closest: list[Closest] = field(init=False)

    def __post_init__(self) -> None:
        self.closest = [Closest() for _ in self.new]

    def compare_stored(self, collection: Collection) -> None:
        """With the whole collection, by its index. Raises as ``people_near`` does."""
        subjects = sorted({face.subject for face in self.new})
        for start in range(0, len(subjects), LOOKED_UP):
            rows = EnrolledFace.objects.filter(collection=collection, subject__in=subjects[start : start + LOOKED_UP])
            self.compare(known_faces(rows, collection.dimensions), others=False)
        vectors = np.stack([face.vector for face in self.new])
        for face, closest, people in zip(self.new, self.closest, people_near(collection.pk, vectors, 2), strict=True):
            for person in people:
                if person.subject != face.subject and person.similarity > closest.other:
                    closest.other, closest.other_subject = person.similarity, person.subject

    def compare_each_other(self) -> None:
        """Each new face with those before it."""
        known = Known([face.subject for face in self.new], [None] * len(self.new), _stacked(self.new))
        self.compare(known, before=True)

    def compare(self, known: Known, others: bool = True, before: bool = False) -> None:
        """With these faces; with ``before``, they are the new faces, and only earlier ones count."""
        if not known.subjects:
            return
        subjects = np.array(known.subjects, dtype=object)
        for start, similarities in self._similarities(known.vectors):
            for row, values in enumerate(similarities, start):
                if before:
                    values[row:] = -np.inf
                self._note(row, values, subjects == self.new[row].subject, known, others)

    def _similarities(self, vectors: Vectors) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        for start in range(0, len(self.new), COMPARED_AT_ONCE):
            yield start, _stacked(self.new[start : start + COMPARED_AT_ONCE]) @ vectors.T

    def _note(
        self, row: int, values: npt.NDArray[np.float32], same: npt.NDArray[np.bool_], known: Known, others: bool
    ) -> None:
        closest = self.closest[row]
        own = np.where(same, values, -np.inf)
        if own[best := int(own.argmax())] > closest.own:
            closest.own, closest.own_face = float(own[best]), known.faces[best]
        other = np.where(same, -np.inf, values)
        if others and other[best := int(other.argmax())] > closest.other:
            closest.other, closest.other_subject = float(other[best]), known.subjects[best]

    def judge(self, rules: Rules, accepted: frozenset[RefusalReason]) -> None:
        """Raises AlreadyEnrolled, FarFromSubject, BelongsToAnother for the first face that must be refused."""
        for index, closest in enumerate(self.closest):
            at = {"index": index} if len(self.new) > 1 else {}
            if closest.own >= SAME_PHOTO:
                known = {"face": str(closest.own_face)} if closest.own_face else {}
                raise AlreadyEnrolled("this face of the subject is enrolled already", "subject", **known, **at)
            is_another = closest.other >= rules.another and closest.other > closest.own
            if is_another and RefusalReason.BELONGS_TO_ANOTHER not in accepted:
                who = {"belongs_to": closest.other_subject} if rules.name else {}
                raise BelongsToAnother(
                    f"this face belongs to another subject: similarity {closest.other:.3f}, threshold "
                    f"{rules.another:.3f}; if it does not, accept `{RefusalReason.BELONGS_TO_ANOTHER}`",
                    "subject",
                    similarity=round(closest.other, 4),
                    threshold=round(rules.another, 4),
                    **who,
                    **at,
                )
            if -np.inf < closest.own < rules.far and RefusalReason.FAR_FROM_SUBJECT not in accepted:
                raise FarFromSubject(
                    f"this face is far from the subject's others: similarity {closest.own:.3f} to the nearest, "
                    f"threshold {rules.far:.3f}; if it is the same person, accept `{RefusalReason.FAR_FROM_SUBJECT}`",
                    "subject",
                    similarity=round(closest.own, 4),
                    threshold=round(rules.far, 4),
                    **at,
                )


def known_faces(rows: QuerySet[EnrolledFace], dimensions: int) -> Known:
    """Those that have not expired. Raises Unreadable."""
    found = list(rows.filter(unexpired()).values_list("subject", "uuid", "vector"))
    vectors = unseal_vectors(((vector, enrolled_place(uuid)) for _, uuid, vector in found), dimensions)
    return Known([subject for subject, _, _ in found], [uuid for _, uuid, _ in found], vectors)


def _stacked(faces: Sequence[NewFace]) -> Vectors:
    return np.stack([face.vector for face in faces])
