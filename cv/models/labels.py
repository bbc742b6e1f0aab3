"""What people say is right about a face, beside what the model answered."""

from django.db import models
from django.utils import timezone

from cv.models.faces import Face


class FaceLabel(models.Model):
    """One right value. It is deleted with its face; if the picture is analyzed again, it moves to the new face."""

    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="labels")
    output = models.CharField(max_length=30)
    # A label of the output, or a number.
    value = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=["face", "output"], name="face_labelled_once_an_output")]

    def __str__(self) -> str:
        return f"{self.output} of face {self.face_id}"
