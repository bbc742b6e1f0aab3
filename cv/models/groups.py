"""Unknown faces of analyses: their vectors, and the groups that a collection sorts them into."""

import uuid

from django.db import models
from django.utils import timezone

from cv.models.analyses import ExactCharField
from cv.models.collections import Collection
from cv.models.faces import Face


class FaceVector(models.Model):
    """The vector of an analysis's face; there only if the client asked for it (``store.vectors``)."""

    face = models.OneToOneField(Face, on_delete=models.CASCADE, primary_key=True, related_name="vector")
    model_sha256 = models.CharField(max_length=64)
    # The unit vector, sealed for this row.
    vector = models.BinaryField()
    # Why the face decides nothing; values of ``cv.identity.faces.Doubt``. Null if it was kept before these were.
    doubts = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"vector of face {self.face_id}"


class FaceGroup(models.Model):
    """Faces that look like one person whom the collection does not know."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="groups")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.pk)


class GroupedFace(models.Model):
    """A face in its group. The vector goes with its analysis, and this row with it."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="grouped")
    group = models.ForeignKey(FaceGroup, on_delete=models.CASCADE, related_name="members")
    vector = models.ForeignKey(FaceVector, on_delete=models.CASCADE, related_name="grouped")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "vector"], name="face_in_one_group_of_a_collection")
        ]

    def __str__(self) -> str:
        return f"face {self.vector_id} in {self.group_id}"


class NotThisPerson(models.Model):
    """Someone said that a face is not of this group or, once the group has a name, of this subject. It lasts."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="negatives")
    vector = models.ForeignKey(FaceVector, on_delete=models.CASCADE, related_name="negatives")
    group = models.ForeignKey(FaceGroup, on_delete=models.CASCADE, null=True, related_name="negatives")
    subject = ExactCharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["collection", "subject"], name="negative_subject")]

    def __str__(self) -> str:
        return f"face {self.vector_id} is not {self.group_id or self.subject}"


def face_place(face: int) -> str:
    """What a face's vector is sealed for."""
    return f"analysed face {face}"
