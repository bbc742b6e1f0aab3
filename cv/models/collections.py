"""Collections of enrolled faces: who is known, by the vectors of one embedding model."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from cv.engine.types import ModelInfo
from cv.models.analyses import ExactCharField
from cv.models.keys import ApiKey

MAX_NAME = 100
MAX_CONSENT = 500


class Collection(models.Model):
    """A named set of people. Vectors of other models than its own cannot be compared, and are refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="collections"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.RESTRICT, null=True, blank=True, related_name="collections")
    name = ExactCharField(max_length=MAX_NAME)
    # Enrolments that name no number of days expire after these; null is never.
    ttl_days = models.PositiveIntegerField(null=True, blank=True)

    model_name = models.CharField(max_length=100)
    model_version = models.CharField(max_length=50)
    model_sha256 = models.CharField(max_length=64)
    dimensions = models.PositiveIntegerField()

    # Raised in every transaction that adds or removes a face: an index that knows an older one is behind.
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [
            models.CheckConstraint(
                name="collection_has_an_owner", condition=Q(owner__isnull=False) | Q(api_key__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="collection_of_owner"),
            models.Index(fields=["api_key", "-created_at"], name="collection_of_key"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def model(self) -> ModelInfo:
        return ModelInfo(self.model_name, self.model_version, self.model_sha256)


class EnrolledFace(models.Model):
    """A face of a person in a collection.

    The primary key only grows: a search index has all faces up to the highest one that it knows.
    """

    id = models.BigAutoField(primary_key=True)
    # The id that clients see.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="faces")
    subject = ExactCharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Why this person may be enrolled, in the client's words.
    consent = models.CharField(max_length=MAX_CONSENT, blank=True)
    # Empty, and null, if the client sent the vector instead of a picture.
    image_sha256 = models.CharField(max_length=64, blank=True)
    quality_score = models.FloatField(null=True)
    # The unit vector, sealed for this row.
    vector = models.BinaryField()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [
            models.CheckConstraint(name="enrolled_face_has_a_subject", condition=~Q(subject="")),
            models.CheckConstraint(
                name="enrolled_face_quality_is_a_share",
                condition=Q(quality_score__isnull=True) | Q(quality_score__gte=0, quality_score__lte=1),
            ),
            models.CheckConstraint(
                name="enrolled_face_expires_after_creation",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["collection", "-created_at"], name="enrolled_newest"),
            models.Index(fields=["collection", "subject"], name="enrolled_subject_here"),
            models.Index(fields=["collection", "id"], name="enrolled_in_order"),
            models.Index(fields=["subject"], name="enrolled_subject"),
            models.Index(fields=["expires_at"], name="enrolled_expiry"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def place(self) -> str:
        """What the vector is sealed for."""
        return enrolled_place(self.uuid)


def enrolled_place(face: uuid.UUID) -> str:
    return f"enrolled {face.hex}"
