"""An analysis and its faces."""

import uuid
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q
from django.utils import timezone

from cv import choices
from cv.engine.labels import BEAUTY_SCALE, CLASSES, Attribute
from cv.engine.types import (
    Answer,
    Answers,
    Box,
    Category,
    Estimate,
    ImageInfo,
    Landmarks,
    ModelInfo,
    Quality,
    QualityWarning,
    Timing,
)
from cv.models.keys import ApiKey


def picture_path(analysis: "Analysis", filename: str) -> str:
    """A random name; nothing of the client's but the ending that the image's own bytes gave it."""
    name = uuid.uuid4().hex
    return f"{name[:2]}/{name}{PurePath(filename).suffix}"


class ExactCharField(models.CharField):  # type: ignore[type-arg]
    """Text that is equal only to itself: MariaDB would otherwise take `Bob`, `bob` and `bób` for one person."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters: dict[str, Any] = dict(super().db_parameters(connection))
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


class Analysis(models.Model):
    """One image, what was asked about it, and what answered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="analyses"
    )
    # Keys are revoked, not deleted: a row can always say which key made it.
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
    # What the model stated of its intervals when it answered; null where it gave none, or before this was kept.
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

    # The engine's values, so that a row serialises like the result that it came from.

    @property
    def image(self) -> ImageInfo:
        return ImageInfo(self.image_width, self.image_height, self.image_sha256)

    @property
    def model(self) -> ModelInfo:
        return ModelInfo(self.model_name, self.model_version, self.model_sha256)

    @property
    def timing_ms(self) -> Timing:
        return Timing(self.decode_ms, self.detect_ms, self.attributes_ms, self.total_ms)


def _category_check(name: str, labels: list[tuple[str, str]]) -> models.CheckConstraint:
    probability = f"{name}_probability"
    known = Q(
        **{
            f"{name}__in": [label for label, _ in labels],
            f"{probability}__isnull": False,
            f"{probability}__gte": 0,
            f"{probability}__lte": 1,
        }
    )
    absent = Q(**{name: "", f"{probability}__isnull": True})
    return models.CheckConstraint(name=f"face_{name}_known", condition=known | absent)


def _estimate_check(name: str) -> models.CheckConstraint:
    low, high = f"{name}_low", f"{name}_high"
    columns = (name, low, high)
    # Said outright, because a check that comes to NULL passes.
    present = Q(**{f"{column}__isnull": False for column in columns})
    absent = Q(**{f"{column}__isnull": True for column in columns})
    ordered = present & Q(**{f"{low}__lte": F(high)})
    return models.CheckConstraint(name=f"face_{name}_interval_ordered", condition=ordered | absent)


class Face(models.Model):
    """One face of an analysis: attributes as columns to filter and chart by, every class's probability as JSON."""

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="faces")
    index = models.PositiveIntegerField()

    box_x = models.FloatField()
    box_y = models.FloatField()
    box_width = models.FloatField()
    box_height = models.FloatField()
    confidence = models.FloatField()
    landmark_points = models.JSONField()
    quality_score = models.FloatField()
    quality_warnings = models.JSONField(default=list)

    age = models.FloatField(null=True)
    age_low = models.FloatField(null=True)
    age_high = models.FloatField(null=True)
    gender = models.CharField(max_length=10, choices=choices.GENDERS, blank=True)
    gender_probability = models.FloatField(null=True)
    race = models.CharField(max_length=10, choices=choices.RACES, blank=True)
    race_probability = models.FloatField(null=True)
    expression = models.CharField(max_length=10, choices=choices.EXPRESSIONS, blank=True)
    expression_probability = models.FloatField(null=True)
    beauty = models.FloatField(null=True)
    beauty_low = models.FloatField(null=True)
    beauty_high = models.FloatField(null=True)
    probabilities = models.JSONField(default=dict)

    class Meta:
        ordering = ("analysis", "index")
        constraints = [
            models.UniqueConstraint(fields=["analysis", "index"], name="face_index_once_an_analysis"),
            models.CheckConstraint(name="face_box_has_area", condition=Q(box_width__gt=0, box_height__gt=0)),
            models.CheckConstraint(
                name="face_shares_from_0_to_1",
                condition=Q(confidence__gte=0, confidence__lte=1, quality_score__gte=0, quality_score__lte=1),
            ),
            _estimate_check("age"),
            _estimate_check("beauty"),
            _category_check("gender", choices.GENDERS),
            _category_check("race", choices.RACES),
            _category_check("expression", choices.EXPRESSIONS),
        ]
        indexes = [
            models.Index(fields=["gender", "age"], name="face_gender_age"),
            models.Index(fields=["race"], name="face_race"),
            models.Index(fields=["expression"], name="face_expression"),
            models.Index(fields=["age"], name="face_age"),
            models.Index(fields=["beauty"], name="face_beauty"),
        ]

    def __str__(self) -> str:
        return f"face {self.index} of {self.analysis_id}"

    @property
    def box(self) -> Box:
        return Box(self.box_x, self.box_y, self.box_width, self.box_height)

    @property
    def landmarks(self) -> Landmarks:
        return Landmarks(**{name: (x, y) for name, (x, y) in self.landmark_points.items()})

    @property
    def quality(self) -> Quality:
        return Quality(self.quality_score, tuple(QualityWarning(warning) for warning in self.quality_warnings))

    @property
    def attributes(self) -> Answers:
        # A face that came through its analysis knows it; this asks the database nothing.
        coverage = self.analysis.interval_coverage
        columns: dict[str, Answer | None] = {
            "age": _estimate(self.age, self.age_low, self.age_high, None, coverage),
            "gender": self._category(Attribute.GENDER, self.gender),
            "race": self._category(Attribute.RACE, self.race),
            "expression": self._category(Attribute.EXPRESSION, self.expression),
            "beauty": _estimate(self.beauty, self.beauty_low, self.beauty_high, BEAUTY_SCALE, coverage),
        }
        return {name: answer for name, answer in columns.items() if answer is not None}

    def _category(self, attribute: Attribute, label: str) -> Category | None:
        if not label:
            return None
        stored = self.probabilities[attribute]
        # PostgreSQL's jsonb does not keep the order of keys.
        return Category(label, {name: stored[name] for name in CLASSES[attribute]})


def _estimate(
    value: float | None,
    low: float | None,
    high: float | None,
    scale: tuple[float, float] | None,
    coverage: float | None,
) -> Estimate | None:
    if value is None or low is None or high is None:
        return None
    return Estimate(value, (low, high), scale, coverage)
