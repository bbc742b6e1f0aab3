"""Small pictures of faces, kept where the photo is not."""

from django.db import models

from cv.models.faces import Face


class FaceChip(models.Model):
    """The sealed JPEG of a face. It goes with the face: when the analysis expires, is deleted or erased."""

    face = models.OneToOneField(Face, on_delete=models.CASCADE, primary_key=True, related_name="chip")
    jpeg = models.BinaryField()

    def __str__(self) -> str:
        return f"chip of {self.face_id}"
