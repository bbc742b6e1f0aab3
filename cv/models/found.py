"""Who was found in the photos of a job that searches a collection."""

from django.db import models
from django.db.models import Q

from cv.models.collections import EnrolledFace
from cv.models.faces import Face


class FaceSearch(models.Model):
    """A face of a photo was searched in its job's collection. Without a match it is unknown."""

    face = models.OneToOneField(Face, on_delete=models.CASCADE, primary_key=True, related_name="search")
    # Why the face gets no name; values of ``cv.identity.faces.Doubt``.
    doubts = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"search for face {self.face_id}"


class FoundPerson(models.Model):
    """A person whom a face may be, by their most similar enrolled face. The row goes with that face, and so does the
    name, which stands there only."""

    search = models.ForeignKey(FaceSearch, on_delete=models.CASCADE, related_name="candidates")
    enrolled = models.ForeignKey(EnrolledFace, on_delete=models.CASCADE, related_name="sightings")
    similarity = models.FloatField()
    # That it is this person, when the search was made.
    probability = models.FloatField()
    # The photo's only face with this name, and the face's only name.
    is_match = models.BooleanField(default=False)

    class Meta:
        ordering = ("-similarity", "pk")
        constraints = [
            models.CheckConstraint(
                name="found_person_odds",
                condition=Q(similarity__gte=-1, similarity__lte=1, probability__gte=0, probability__lte=1),
            ),
            models.UniqueConstraint(fields=["search", "enrolled"], name="found_once_a_face"),
        ]

    def __str__(self) -> str:
        return f"candidate {self.pk} of face {self.search_id}"
