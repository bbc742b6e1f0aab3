"""Groups the unknown faces of analyses by person, and changes the groups as people say.

A group never loses a face and is never merged by itself: only what a person says changes it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import QuerySet

from cv.choices import AuditAction
from cv.identity.odds import served_odds
from cv.models import Collection, EnrolledFace, FaceGroup, FaceVector, GroupedFace, NotThisPerson
from cv.search.base import Vectors
from cv.search.grouping import group_faces
from cv.search.people import Candidate, people_near
from cv.services.analyses import nothing_more
from cv.services.audit import audit_note
from cv.services.enrolment import faces_enrol
from cv.services.enrolment_checks import SAME_PHOTO, NewFace, RefusalReason
from cv.services.enrolment_errors import DoubtfulFaces, EnrolmentRefused
from cv.services.face_vectors import doubts_of, vectors_of
from cv.services.revisions import revision_raise
from cv.trust.caller import Caller

# More would take longer than a request may.
MOST_GROUPED: Final = 10_000
# Of a group's faces, the best are enrolled; more make no search surer.
MOST_ENROLLED: Final = 20
# The share of strangers who are taken for anyone in the collection, as for a search.
FMR: Final = 1e-3
INSERTED_AT_ONCE: Final = 500


class GroupsChanged(EnrolmentRefused):
    """The collection or its groups changed meanwhile."""

    code = "groups_changed"

    def __init__(self) -> None:
        super().__init__("the collection or its groups changed meanwhile; try again", "collection")


class TooManyFaces(EnrolmentRefused):
    """More faces than can be grouped in one request."""

    code = "too_many_to_group"


class NotInGroup(EnrolmentRefused):
    """A face is named that the group does not have."""

    code = "not_in_group"


@dataclass(frozen=True, slots=True)
class Grouped:
    """How many faces were looked at for the first time, and what became of them."""

    faces: int
    known: int
    new_groups: int


def faces_group(collection: Collection, found: QuerySet[FaceVector], caller: Caller) -> Grouped:
    """Puts the faces that are in no group, and that the collection does not know, into groups.

    The other groups keep their faces and may get more. Raises TooManyFaces, GroupsChanged, Collection.DoesNotExist,
    IndexBehind, SearchUnavailable, Unreadable.
    """
    before = Collection.objects.values_list("revision", flat=True).get(pk=collection.pk)
    members = list(GroupedFace.objects.filter(collection=collection).order_by("pk").values_list("vector", "group"))
    fresh = list(found.exclude(grouped__collection=collection).order_by("pk")[: MOST_GROUPED + 1])
    if len(members) + len(fresh) > MOST_GROUPED:
        raise TooManyFaces(f"at most {MOST_GROUPED:,} faces can be grouped; name groups, or choose a job", "job")
    new, vectors, known = _unknown(collection, fresh)
    group_of = dict(members)
    held = FaceVector.objects.in_bulk(list(group_of))
    rows = [*held.values(), *new]
    if not rows:
        return Grouped(len(fresh), known, 0)
    numbers = {group: label for label, group in enumerate(dict.fromkeys(group_of.values()))}
    labels = [numbers[group_of[row.pk]] if row.pk in group_of else -1 for row in rows]
    all_vectors = np.concatenate([vectors_of(list(held.values()), collection.dimensions), vectors])
    groups = group_faces(all_vectors, labels, _apart(collection, rows, group_of))
    name_of: dict[int, UUID] = {
        int(groups[index]): group_of[row.pk] for index, row in enumerate(rows) if row.pk in group_of
    }
    made = {int(number): FaceGroup(collection=collection) for number in groups if int(number) not in name_of}
    with transaction.atomic():
        _hold(collection, before)
        FaceGroup.objects.bulk_create(made.values(), batch_size=INSERTED_AT_ONCE)
        name_of |= {number: group.pk for number, group in made.items()}
        # A face whose analysis was deleted meanwhile is left out.
        alive = set(FaceVector.objects.filter(pk__in=[row.pk for row in new]).values_list("pk", flat=True))
        GroupedFace.objects.bulk_create(
            [
                GroupedFace(collection=collection, group_id=name_of[int(groups[len(held) + index])], vector=row)
                for index, row in enumerate(new)
                if row.pk in alive
            ],
            batch_size=INSERTED_AT_ONCE,
        )
        FaceGroup.objects.filter(collection=collection, members__isnull=True).delete()
        revision_raise(collection.pk)
        audit_note(caller, AuditAction.COLLECTION_SEARCH, [collection.pk], count=len(fresh))
    return Grouped(len(fresh), known, len(made))


def _unknown(collection: Collection, fresh: list[FaceVector]) -> tuple[list[FaceVector], Vectors, int]:
    """The faces that the collection does not know, with their vectors; and how many it knows."""
    vectors = vectors_of(fresh, collection.dimensions)
    enrolled = collection.faces.count()
    if not enrolled or not fresh:
        return fresh, vectors, 0
    threshold = served_odds().threshold(FMR, enrolled)
    refused: dict[int, set[str]] = {}
    for vector, subject in collection.negatives.exclude(subject="").values_list("vector", "subject"):
        refused.setdefault(vector, set()).add(subject)
    near = people_near(collection.pk, vectors, 3)
    pairs = zip(fresh, near, strict=True)
    stays = [not _is_known(people, threshold, refused.get(row.pk, set())) for row, people in pairs]
    return [row for row, stay in zip(fresh, stays, strict=True) if stay], vectors[stays], stays.count(False)


def _is_known(people: Sequence[Candidate], threshold: float, refused: set[str]) -> bool:
    return any(person.similarity >= threshold and person.subject not in refused for person in people)


def _apart(collection: Collection, rows: Sequence[FaceVector], group_of: dict[int, UUID]) -> Iterable[tuple[int, int]]:
    """Each face that is not of a group, with a face of that group."""
    position = {row.pk: index for index, row in enumerate(rows)}
    first: dict[UUID, int] = {}
    for vector, group in group_of.items():
        if vector in position:
            first.setdefault(group, position[vector])
    for vector, group in collection.negatives.exclude(group=None).values_list("vector", "group"):
        if vector in position and group in first:
            yield position[vector], first[group]


def _hold(collection: Collection, revision: int | None = None) -> None:
    """Locks the collection until the transaction ends. Raises GroupsChanged, Collection.DoesNotExist."""
    held = Collection.objects.select_for_update().get(pk=collection.pk)
    if revision is not None and held.revision != revision:
        raise GroupsChanged


def group_name(
    group: FaceGroup,
    caller: Caller,
    subject: str,
    consent: str = "",
    ttl_days: int | None = None,
    accepted: frozenset[RefusalReason] = frozenset(),
    saved: Callable[[list[EnrolledFace]], None] = nothing_more,
) -> list[EnrolledFace]:
    """Enrols the best faces of the group as this subject; the group is gone then.

    Faces in doubt are left out unless their doubts are ``accepted``. Raises NotInGroup, DoubtfulFaces, and as
    ``faces_enrol`` does.
    """
    collection = group.collection
    accepted = frozenset(accepted)
    rows = _enrollable(group, accepted)
    new = [
        NewFace(
            subject,
            vector,
            quality_score=row.face.quality_score,
            image_sha256=row.face.analysis.image_sha256,
            consent=consent,
            ttl_days=ttl_days,
        )
        for row, vector in zip(rows, vectors_of(rows, collection.dimensions), strict=True)
    ]

    def ended(enrolled: list[EnrolledFace]) -> None:
        group.negatives.update(group=None, subject=subject)
        group.delete()
        saved(enrolled)

    return faces_enrol(collection, _different(new), caller, accepted | {RefusalReason.FAR_FROM_SUBJECT}, ended)


def _enrollable(group: FaceGroup, accepted: frozenset[RefusalReason]) -> list[FaceVector]:
    """The best faces of the group about which there is no doubt that is not accepted.

    Raises NotInGroup if the group has no face any more, DoubtfulFaces if it has no other.
    """
    best = FaceVector.objects.filter(grouped__group=group).select_related("face__analysis")
    rows = list(best.order_by("-face__quality_score", "pk")[:MOST_GROUPED])
    if not rows:
        raise NotInGroup("the faces of this group were deleted", "group")
    doubts = [{str(doubt) for doubt in doubts_of(row)} - accepted for row in rows]
    sure = [row for row, found in zip(rows, doubts, strict=True) if not found]
    if not sure:
        named = sorted(set().union(*doubts))
        raise DoubtfulFaces(
            f"every face of this group is in doubt ({', '.join(named)}); to enrol them all the same, accept it",
            "accept",
            doubts=named,
        )
    return sure[:MOST_ENROLLED]


def _different(new: list[NewFace]) -> list[NewFace]:
    """Without faces of one photo that was analyzed twice, which enrolment would refuse."""
    kept: list[NewFace] = []
    for face in new:
        if all(float(face.vector @ other.vector) < SAME_PHOTO for other in kept):
            kept.append(face)
    return kept


def groups_merge(kept: FaceGroup, gone: FaceGroup, caller: Caller) -> None:
    """Both are one person. What was said before against it does not hold any more."""
    with transaction.atomic():
        _hold(kept.collection)
        gone.members.update(group=kept)
        gone.negatives.update(group=kept)
        NotThisPerson.objects.filter(group=kept, vector__grouped__group=kept).delete()
        gone.delete()
        _changed(kept.collection, caller)


def group_split(group: FaceGroup, faces: Sequence[FaceVector], caller: Caller) -> FaceGroup:
    """These faces are another person: they become a group of their own. Raises NotInGroup."""
    with transaction.atomic():
        _hold(group.collection)
        members = _members(group, faces)
        if members.count() == group.members.count():
            raise NotInGroup("a group of all of its faces is the same group", "faces")
        made = FaceGroup.objects.create(collection=group.collection)
        members.update(group=made)
        _changed(group.collection, caller)
    return made


def face_reject(group: FaceGroup, face: FaceVector, caller: Caller) -> None:
    """This face is not this person, now and whenever faces are grouped again. Raises NotInGroup."""
    with transaction.atomic():
        _hold(group.collection)
        _members(group, [face]).delete()
        NotThisPerson.objects.get_or_create(collection=group.collection, vector=face, group=group)
        if not group.members.exists():
            group.delete()
        _changed(group.collection, caller)


def group_delete(group: FaceGroup, caller: Caller) -> None:
    """Forgets the group and what was said against it, so that its faces can be grouped again.

    Raises Collection.DoesNotExist.
    """
    with transaction.atomic():
        _hold(group.collection)
        group.delete()
        _changed(group.collection, caller)


def _members(group: FaceGroup, faces: Sequence[FaceVector]) -> QuerySet[GroupedFace]:
    members = group.members.filter(vector__in=faces)
    if not faces or members.count() != len(faces):
        raise NotInGroup("the group does not have these faces", "faces")
    return members


def _changed(collection: Collection, caller: Caller) -> None:
    revision_raise(collection.pk)
    audit_note(caller, AuditAction.COLLECTION_CHANGE, [collection.pk])
