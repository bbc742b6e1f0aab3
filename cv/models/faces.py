"""A face: its row, the answers in it, and the way from the engine's result to the row and back."""

from typing import Any

from django.db import models
from django.db.models import F, Q

from cv import choices
from cv.engine.labels import BEAUTY_SCALE, CLASSES, Attribute
from cv.engine.types import (
    LANDMARKS,
    Answer,
    Answers,
    Box,
    Category,
    Estimate,
    FaceResult,
    Landmarks,
    Quality,
    QualityWarning,
)
from cv.models.analyses import Analysis


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
        answers = {attribute.value: self._answer(attribute) for attribute in Attribute}
        return {name: answer for name, answer in answers.items() if answer is not None}

    def _answer(self, attribute: Attribute) -> Answer | None:
        """None if the face was not asked for it."""
        value = getattr(self, attribute)
        if value is None or value == "":
            return None
        if attribute in CLASSES:
            stored = self.probabilities[attribute]
            # PostgreSQL's jsonb does not keep the order of keys.
            return Category(value, {label: stored[label] for label in CLASSES[attribute]})
        interval = (getattr(self, f"{attribute}_low"), getattr(self, f"{attribute}_high"))
        scale = BEAUTY_SCALE if attribute is Attribute.BEAUTY else None
        # A face that came through its analysis knows it; this asks the database nothing.
        return Estimate(value, interval, scale, self.analysis.interval_coverage)


def face_row(analysis: Analysis, face: FaceResult) -> Face:
    """The row that a face of the engine's result becomes; it is not saved."""
    row = Face(
        analysis=analysis,
        index=face.index,
        box_x=face.box.x,
        box_y=face.box.y,
        box_width=face.box.width,
        box_height=face.box.height,
        confidence=face.confidence,
        landmark_points={name: list(point) for name, point in zip(LANDMARKS, face.landmarks, strict=True)},
        quality_score=face.quality.score,
        quality_warnings=[str(warning) for warning in face.quality.warnings],
    )
    for attribute in Attribute:
        name = attribute.value
        match face.attributes.get(name):
            case Category(label, probabilities):
                # Plain text: database drivers have ideas of their own about enums.
                columns: dict[str, Any] = {name: str(label), f"{name}_probability": probabilities[label]}
                row.probabilities[name] = dict(probabilities)
            case Estimate(value, (low, high)):
                columns = {name: value, f"{name}_low": low, f"{name}_high": high}
            case _:
                continue
        for column, stored in columns.items():
            setattr(row, column, stored)
    return row
