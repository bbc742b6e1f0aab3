"""A face: its row, its answers, and the conversion between the engine's result and the row."""

import base64
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models import F, Q, QuerySet

from cv import choices
from cv.engine.outputs import DEFAULT_OUTPUTS, EMBEDDING, Output, Shape, all_outputs, get_output
from cv.engine.types import (
    LANDMARKS,
    Answer,
    Answers,
    Box,
    Category,
    Estimate,
    FaceResult,
    Flags,
    Landmarks,
    Mask,
    Points,
    Quality,
    QualityWarning,
    Vector,
)
from cv.models.analyses import Analysis, AnalysisModel


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
    # Explicit, because a check that evaluates to NULL passes.
    present = Q(**{f"{column}__isnull": False for column in columns})
    absent = Q(**{f"{column}__isnull": True for column in columns})
    ordered = present & Q(**{f"{low}__lte": F(high)})
    return models.CheckConstraint(name=f"face_{name}_interval_ordered", condition=ordered | absent)


class FaceManager(models.Manager["Face"]):
    """Prefetches the answers with one query for any number of faces."""

    def get_queryset(self) -> "QuerySet[Face]":
        return super().get_queryset().prefetch_related("answers")


class Face(models.Model):
    """One face of an analysis. The default outputs are columns to filter and chart by, with every class's probability
    as JSON; a FaceAnswer holds each other output."""

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

    objects = FaceManager()

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
        """The stored answers of registered outputs, in the registry's order."""
        found = {name: answer for name in DEFAULT_OUTPUTS if (answer := self._column_answer(name)) is not None}
        others = {row.output: row.value for row in self.answers.all()}
        for output in all_outputs():
            value = others.get(output.name)
            if value is not None and value["shape"] == output.shape:
                found[output.name] = answer_of(value, output)
        return found

    def _column_answer(self, name: str) -> Answer | None:
        """The answer in the columns of a default output; None if it was not requested."""
        value = getattr(self, name)
        if value is None or value == "":
            return None
        output = get_output(name)
        if output.shape is Shape.CATEGORY:
            return Category(value, in_order(self.probabilities[name], output))
        interval = (getattr(self, f"{name}_low"), getattr(self, f"{name}_high"))
        # A face that was read through its analysis has it cached, so this needs no query.
        return Estimate(value, interval, output.scale, self.analysis.interval_coverage)


class FaceAnswer(models.Model):
    """The answer of an output that has no columns, and the model that gave it."""

    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="answers")
    model = models.ForeignKey(AnalysisModel, on_delete=models.CASCADE, related_name="answers")
    output = models.CharField(max_length=30)
    # In the format of ``answer_value``.
    value = models.JSONField()

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=["face", "output"], name="face_answers_an_output_once")]

    def __str__(self) -> str:
        return f"{self.output} of face {self.face_id}"


def face_row(analysis: Analysis, face: FaceResult) -> Face:
    """Converts a face of the engine's result to an unsaved row, with the default outputs."""
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
    for name in DEFAULT_OUTPUTS:
        match face.attributes.get(name):
            case Category(label, probabilities):
                # Plain text, because database drivers differ in how they handle enums.
                columns: dict[str, Any] = {name: str(label), f"{name}_probability": probabilities[label]}
                row.probabilities[name] = dict(probabilities)
            case Estimate(value, (low, high)):
                columns = {name: value, f"{name}_low": low, f"{name}_high": high}
            case _:
                continue
        for column, stored in columns.items():
            setattr(row, column, stored)
    return row


def further_answers(face: FaceResult) -> Answers:
    """The answers that have no columns. A vector has a table of its own."""
    elsewhere = {*DEFAULT_OUTPUTS, EMBEDDING.name}
    return {name: answer for name, answer in face.attributes.items() if name not in elsewhere}


def answer_value(answer: Answer) -> dict[str, Any]:
    """An answer as JSON with its shape, so that it stays readable if the registry changes."""
    match answer:
        case Category(label, probabilities):
            return {"shape": Shape.CATEGORY, "label": str(label), "probabilities": dict(probabilities)}
        case Estimate(number, interval, _, coverage):
            return {"shape": Shape.ESTIMATE, "value": number, "interval": interval, "coverage": coverage}
        case Flags(probabilities):
            return {"shape": Shape.FLAGS, "probabilities": dict(probabilities)}
        case Points(points, scheme):
            return {"shape": Shape.POINTS, "points": points, "scheme": scheme}
        case Vector(numbers):
            return {"shape": Shape.VECTOR, "values": numbers}
        case Mask(png, width, height):
            return {"shape": Shape.MASK, "png": base64.b64encode(png).decode(), "width": width, "height": height}


def answer_of(value: Mapping[str, Any], output: Output) -> Answer:
    """Converts JSON from ``answer_value`` back to an answer."""
    match output.shape:
        case Shape.CATEGORY:
            return Category(value["label"], in_order(value["probabilities"], output))
        case Shape.ESTIMATE:
            low_high = value["interval"]
            return Estimate(value["value"], low_high and tuple(low_high), output.scale, value["coverage"])
        case Shape.FLAGS:
            return Flags(in_order(value["probabilities"], output))
        case Shape.POINTS:
            return Points(tuple((x, y) for x, y in value["points"]), value["scheme"])
        case Shape.VECTOR:
            return Vector(tuple(value["values"]))
        case Shape.MASK:
            return Mask(base64.b64decode(value["png"]), value["width"], value["height"])


def in_order(probabilities: Mapping[str, float], output: Output) -> dict[str, float]:
    """Sorts probabilities in the order of the output's labels. PostgreSQL's jsonb does not keep the order of keys."""
    known = {label: probabilities[label] for label in output.labels if label in probabilities}
    return {**known, **probabilities}
