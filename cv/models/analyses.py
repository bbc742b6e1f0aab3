"""An analysis: its row, and the columns that come from the engine's result."""

import uuid
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q
from django.utils import timezone

from cv import choices
from cv.engine.outputs import DEFAULT_OUTPUTS
from cv.engine.types import AnalysisResult, Estimate, ImageInfo, ModelInfo, ModelRun, Timing
from cv.models.keys import ApiKey


def picture_path(analysis: "Analysis", filename: str) -> str:
    """A random name. Its suffix is derived from the image's bytes, not from the client's file name."""
    name = uuid.uuid4().hex
    return f"{name[:2]}/{name}{PurePath(filename).suffix}"


class ExactCharField(models.CharField):  # type: ignore[type-arg]
    """Text with exact comparison. MariaDB would otherwise take `Bob`, `bob` and `bób` for one person."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters: dict[str, Any] = dict(super().db_parameters(connection))
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


class Analysis(models.Model):
    """One image, the requested outputs, and the models that answered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="analyses"
    )
    # Keys are revoked, not deleted, so a row always names the key that created it.
    api_key = models.ForeignKey(ApiKey, on_delete=models.RESTRICT, null=True, blank=True, related_name="analyses")
    subject = ExactCharField(max_length=200, blank=True)
    source = models.CharField(max_length=10, choices=choices.Source.choices)

    image_width = models.PositiveIntegerField()
    image_height = models.PositiveIntegerField()
    image_sha256 = models.CharField(max_length=64)
    picture = models.FileField(upload_to=picture_path, blank=True, max_length=100)

    asked_attributes = models.JSONField()
    min_face_px = models.PositiveIntegerField()
    max_faces = models.PositiveIntegerField()

    model_name = models.CharField(max_length=100)
    model_version = models.CharField(max_length=50)
    model_sha256 = models.CharField(max_length=64)
    # The coverage that the model stated for its intervals; null if it gave none, and for old rows.
    interval_coverage = models.FloatField(null=True, blank=True)

    decode_ms = models.FloatField()
    detect_ms = models.FloatField()
    attributes_ms = models.FloatField()
    total_ms = models.FloatField()

    face_count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "analyses"
        ordering = ("-created_at", "-pk")
        constraints = [
            models.CheckConstraint(
                name="analysis_has_an_owner", condition=Q(owner__isnull=False) | Q(api_key__isnull=False)
            ),
            models.CheckConstraint(name="analysis_source_known", condition=Q(source__in=choices.Source.values)),
            models.CheckConstraint(
                name="analysis_image_has_pixels", condition=Q(image_width__gte=1, image_height__gte=1)
            ),
            models.CheckConstraint(
                name="analysis_coverage_is_a_share",
                condition=Q(interval_coverage__isnull=True) | Q(interval_coverage__gte=0, interval_coverage__lte=1),
            ),
            models.CheckConstraint(
                name="analysis_expires_after_creation",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="analysis_of_owner"),
            models.Index(fields=["api_key", "-created_at"], name="analysis_of_key"),
            models.Index(fields=["-created_at"], name="analysis_newest"),
            models.Index(fields=["expires_at"], name="analysis_expiry"),
            models.Index(fields=["subject"], name="analysis_subject"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    # Properties with the engine's names, so that a row serializes like the engine's result.

    @property
    def image(self) -> ImageInfo:
        return ImageInfo(self.image_width, self.image_height, self.image_sha256)

    @property
    def has_photo(self) -> bool:
        """Whether the photo is kept. Of a video, frames are kept, in which its faces are elsewhere than their boxes."""
        return bool(self.picture) and self.source != choices.Source.VIDEO

    @property
    def model(self) -> ModelInfo:
        return ModelInfo(self.model_name, self.model_version, self.model_sha256)

    @property
    def timing_ms(self) -> Timing:
        return Timing(self.decode_ms, self.detect_ms, self.attributes_ms, self.total_ms)


class AnalysisModel(models.Model):
    """A model that ran on an analysis's picture."""

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=100)
    version = models.CharField(max_length=50)
    sha256 = models.CharField(max_length=64)
    # Null for analyses from before this was stored.
    ms = models.FloatField(null=True)

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=["analysis", "name"], name="analysis_asks_a_model_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def model_row(analysis: Analysis, run: ModelRun) -> AnalysisModel:
    return AnalysisModel(analysis=analysis, name=run.name, version=run.version, sha256=run.sha256, ms=run.ms)


def result_columns(result: AnalysisResult) -> dict[str, Any]:
    """The columns that change if a picture is analyzed again: model, timings and counts."""
    return {
        "model_name": result.model.name,
        "model_version": result.model.version,
        "model_sha256": result.model.sha256,
        "interval_coverage": _stated_coverage(result),
        "decode_ms": result.timing_ms.decode,
        "detect_ms": result.timing_ms.detect,
        "attributes_ms": result.timing_ms.attributes,
        "total_ms": result.timing_ms.total,
        "face_count": len(result.faces),
    }


def image_columns(image: ImageInfo) -> dict[str, Any]:
    return {"image_width": image.width, "image_height": image.height, "image_sha256": image.sha256}


def _stated_coverage(result: AnalysisResult) -> float | None:
    """The coverage of all intervals of the default outputs' model; None if there is no interval."""
    answers = (face.attributes.get(name) for face in result.faces for name in DEFAULT_OUTPUTS)
    return next((answer.coverage for answer in answers if isinstance(answer, Estimate)), None)
