"""Moves what is kept with faces to the new faces of an analysis made again: labels, vectors, groups and negatives."""

from collections.abc import Iterable, Sequence
from typing import Final

from cv.models import Analysis, Collection, Face, FaceLabel, FaceVector, GroupedFace, NotThisPerson
from cv.models.groups import face_place
from cv.services.revisions import revision_raise
from cv.trust.vectors import reseal_vector

# The intersection over union of two boxes, below which they are two faces.
SAME_FACE: Final = 0.5


def faces_hold(analysis: Analysis) -> list[Face]:
    """The faces with all that ``faces_follow`` moves. Call both in one transaction; between them, delete the faces.

    Locks the collections that group these faces, so that no group changes in between.
    """
    vectors = FaceVector.objects.filter(face__analysis=analysis)
    groups = {pk for rows in ("grouped", "negatives") for pk in vectors.values_list(f"{rows}__collection", flat=True)}
    held = Collection.objects.select_for_update().filter(pk__in=groups - {None}).order_by("pk")
    list(held.values_list("pk"))
    faces = Face.objects.filter(analysis=analysis)
    return list(faces.prefetch_related("labels", "vector__grouped", "vector__negatives"))


def faces_follow(old: Iterable[Face], new: Sequence[Face]) -> None:
    """Saves everything again for the new faces at the same places; what was kept with faces no longer found is gone.

    A vector that the analysis made again stays. If it is of another model than the one before, it is in no group.
    Raises Unreadable.
    """
    pairs = _same_faces(old, new)
    FaceLabel.objects.bulk_create(
        FaceLabel(face=face, output=label.output, value=label.value, created_at=label.created_at)
        for before, face in pairs
        for label in before.labels.all()
    )
    made = dict(FaceVector.objects.filter(face__in=new).values_list("pk", "model_sha256"))
    moved, grouped, negatives = list[FaceVector](), list[GroupedFace](), list[NotThisPerson]()
    for before, face in pairs:
        vector: FaceVector | None = getattr(before, "vector", None)
        if vector is None or made.get(face.pk, vector.model_sha256) != vector.model_sha256:
            continue
        if face.pk not in made:
            sealed = reseal_vector(vector.vector, face_place(before.pk), face_place(face.pk))
            moved.append(FaceVector(face=face, model_sha256=vector.model_sha256, vector=sealed, doubts=vector.doubts))
        grouped += [
            GroupedFace(collection_id=row.collection_id, group_id=row.group_id, vector_id=face.pk)
            for row in vector.grouped.all()
        ]
        negatives += [
            NotThisPerson(
                collection_id=row.collection_id, group_id=row.group_id, subject=row.subject, vector_id=face.pk
            )
            for row in vector.negatives.all()
        ]
    FaceVector.objects.bulk_create(moved)
    GroupedFace.objects.bulk_create(grouped)
    NotThisPerson.objects.bulk_create(negatives)
    revision_raise(*({row.collection_id for row in grouped} | {row.collection_id for row in negatives}))


def _same_faces(old: Iterable[Face], new: Sequence[Face]) -> list[tuple[Face, Face]]:
    """Each old face with the new one at its place, the best overlaps first; a face is in one pair at most."""
    overlaps = [(before.box.overlap(face.box), before, face) for before in old for face in new]
    pairs, taken = list[tuple[Face, Face]](), set[int]()
    for overlap, before, face in sorted(overlaps, key=lambda found: -found[0]):
        if overlap >= SAME_FACE and taken.isdisjoint((before.pk, face.pk)):
            pairs.append((before, face))
            taken |= {before.pk, face.pk}
    return pairs
