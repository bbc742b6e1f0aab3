"""The inputs of comparisons and embeddings."""

from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.inputs.strict import FiniteFloatField, StrictSerializer
from api.inputs.vectors import EmbeddingField, RateField
from cv.engine.odds import DEFAULT_RATE
from cv.engine.types import MIN_FACE_PX_RANGE

SOURCES = ("image", "url", "analysis", "embedding")


@extend_schema_field({"type": "string"})
class ImageField(serializers.Field[Any, Any, Any, Any]):
    """A file of a form, or text; ``api.sources`` reads it."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class EmbeddingInput(StrictSerializer):
    """Which faces to look for."""

    min_face_px = serializers.IntegerField(
        min_value=MIN_FACE_PX_RANGE[0],
        max_value=MIN_FACE_PX_RANGE[1],
        required=False,
        help_text="The smallest face to look for: its shorter side, in pixels of the image. Some smaller are found.",
    )


class SideInput(StrictSerializer):
    """One side of a comparison: exactly one of ``image``, ``url``, ``analysis`` and ``embedding``."""

    image = ImageField(required=False, help_text="Base64 (standard or URL-safe alphabet) or a data URI.")
    url = serializers.CharField(required=False, help_text="An http(s) URL on the public internet.")
    analysis = serializers.UUIDField(required=False, help_text="One of your analyses that kept its picture.")
    embedding = EmbeddingField(required=False, help_text="A vector that `POST /embeddings` answered.")
    model = serializers.CharField(
        required=False, max_length=64, help_text="The SHA-256 of the model that gave the `embedding`."
    )
    face = serializers.IntegerField(
        required=False, min_value=0, help_text="Compare only the face with this index; default: every face."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in SOURCES if name in attrs]
        if len(given) != 1:
            raise ValidationError([f"send exactly one of {', '.join(SOURCES)}"])
        if ("embedding" in attrs) != ("model" in attrs):
            raise ValidationError({"model": ["`embedding` and `model` belong together"]})
        if "embedding" in attrs and "face" in attrs:
            raise ValidationError({"face": ["an embedding is one face"]})
        return attrs


class ComparisonInput(EmbeddingInput):
    """Two sides, and what counts as the same person."""

    first = SideInput()
    second = SideInput()
    fmr = RateField(DEFAULT_RATE, "The share of pairs of different people that may count as one person.")
    prior = FiniteFloatField(
        min_value=1e-9,
        max_value=1 - 1e-9,
        default=0.5,
        help_text="How probable it was that both are one person before anyone looked.",
    )

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        return {name: fields[name] for name in ("first", "second", "fmr", "prior", *fields)}


def comparison_fields(body: Any) -> dict[str, Any]:
    """A form's fields ``first`` and ``second`` are images; a JSON body is nested already. Raises ValidationError."""
    if not isinstance(body, QueryDict):
        return dict(body)
    fields: dict[str, Any] = {}
    for name, values in body.lists():
        if len(values) > 1:
            raise ValidationError({name: ["sent more than once"]})
        fields[name] = {"image": values[0]} if name in ("first", "second") else values[0]
    return fields
