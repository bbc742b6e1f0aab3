"""What is being deleted: files whose rows are gone, and erasures whose receipts wait for such files."""

import uuid

from django.db import models
from django.utils import timezone

from cv.models.analyses import ExactCharField


class Erasure(models.Model):
    """An erasure that has begun. Once its last file is deleted, its receipt is signed and this row goes."""

    # The receipt's, too.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Keyed, of the subject and of whose rows these are: whoever asks again is handed the receipt.
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    # Deleted so far.
    analyses = models.PositiveIntegerField(default=0)
    faces = models.PositiveIntegerField(default=0)
    pictures = models.PositiveIntegerField(default=0)
    answers = models.PositiveIntegerField(default=0)
    jobs = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="erasure_oldest")]

    def __str__(self) -> str:
        return str(self.pk)


class FileToDelete(models.Model):
    """A kept file, or with a slash at the end of its name all below, whose row went in the transaction that made this.

    Nothing names the file any more. This row goes when the file is gone.
    """

    name = ExactCharField(max_length=200, unique=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.SET_NULL, null=True, related_name="files")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.name)
