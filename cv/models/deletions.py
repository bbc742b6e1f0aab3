"""Deletions in progress: files whose rows are deleted, and erasures that wait for their files."""

import uuid

from django.db import models
from django.utils import timezone

from cv.models.analyses import ExactCharField


class Erasure(models.Model):
    """An erasure in progress. When its last file is deleted, the receipt is signed and this row is deleted."""

    # Also the receipt's id.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # A keyed digest of the subject and the owner, by which a repeated request finds this row.
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    # Deleted so far.
    analyses = models.PositiveIntegerField(default=0)
    faces = models.PositiveIntegerField(default=0)
    pictures = models.PositiveIntegerField(default=0)
    answers = models.PositiveIntegerField(default=0)
    jobs = models.PositiveIntegerField(default=0)
    enrolled_faces = models.PositiveIntegerField(default=0)
    # Of the faces of analyses; those of enrolled faces go with them.
    vectors = models.PositiveIntegerField(default=0)
    group_memberships = models.PositiveIntegerField(default=0)
    negatives = models.PositiveIntegerField(default=0)
    chips = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="erasure_oldest")]

    def __str__(self) -> str:
        return str(self.pk)


class FileToDelete(models.Model):
    """A kept file to delete or, if the name ends with a slash, all files below it.

    Created in the transaction that deletes the file's row. This row is deleted when the file is.
    """

    name = ExactCharField(max_length=200, unique=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.SET_NULL, null=True, related_name="files")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.name)
