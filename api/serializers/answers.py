"""The answers of a face: one serializer for each shape, made for each output of the registry."""

from dataclasses import fields
from functools import cache
from typing import Any, Final

from rest_framework import serializers

from api.fields import Base64, NamedNumbers, Numbers, Pair, Pairs, Probabilities, Rounded
from cv.abstention import abstains
from cv.engine.outputs import Output, Shape, public_outputs
from cv.engine.types import Answer

PIXEL_DIGITS: Final = 2
ESTIMATE_DIGITS: Final = 2
VECTOR_DIGITS: Final = 6


class CoverageField(serializers.FloatField):
    """What the model that answered stated about its intervals; the current model may state another value."""

    def __init__(self) -> None:
        text = (
            "The stated probability that the interval contains the label; null for analyses from before it was stored."
        )
        super().__init__(min_value=0, max_value=1, allow_null=True, read_only=True, help_text=text)


class AbstainedField(serializers.BooleanField):
    """Whether the answer is too uncertain to use."""

    def __init__(self) -> None:
        text = "true if the answer is too uncertain to use. Treat the attribute as unknown."
        super().__init__(read_only=True, help_text=text)


class AttributesSerializer(serializers.Serializer[Any]):
    """The attributes of a face that were requested, and no others."""

    def get_fields(self) -> dict[str, Any]:
        return {output.name: answer_serializer(output)(required=False) for output in public_outputs()}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        answers, quality = instance.attributes, instance.quality.score
        # If the key has lost an attribute, stored answers no longer show it.
        shown = answers.keys() & self.context.get("attributes", answers)
        return {
            name: field.to_representation(with_mark(name, answers[name], quality))
            for name, field in self.fields.items()
            if name in shown
        }


def with_mark(output: str, answer: Answer, quality: float) -> dict[str, Any]:
    """The answer's fields, and whether it abstained on a face of this quality."""
    values = {field.name: getattr(answer, field.name) for field in fields(answer)}
    return values | {"abstained": abstains(output, answer, quality)}


@cache
def answer_serializer(output: Output) -> type[serializers.Serializer[Any]]:
    """Its name is the component's name in the schema; for the default outputs this is the output's name."""
    name = output.name.title().replace("_", "") + ("" if output.default else "Answer")
    attributes = {"__doc__": described(output), "__module__": __name__, **answer_fields(output)}
    return type(f"{name}Serializer", (serializers.Serializer,), attributes)


def described(output: Output) -> str | None:
    if output.scale is not None:
        low, high = output.scale
        return f"On a scale from {low:g} to {high:g}."
    return f"{output.unit.capitalize()}." if output.unit else None


def answer_fields(output: Output) -> dict[str, Any]:
    """The fields of an answer of this shape, created in the order of the JSON: DRF sorts by creation."""
    match output.shape:
        case Shape.CATEGORY:
            return {
                "label": serializers.ChoiceField(choices=list(output.labels), read_only=True),
                "abstained": AbstainedField(),
                "probabilities": Probabilities(),
            }
        case Shape.ESTIMATE:
            return {
                "value": Rounded(ESTIMATE_DIGITS),
                **({} if output.scale is None else {"scale": Pair(ESTIMATE_DIGITS)}),
                # An estimate from a distribution always has an interval.
                "interval": Pair(ESTIMATE_DIGITS, **({} if output.bins else {"allow_null": True})),
                "coverage": CoverageField(),
                "abstained": AbstainedField(),
            }
        case Shape.FLAGS:
            return {"probabilities": Probabilities()}
        case Shape.POINTS:
            return {"scheme": serializers.CharField(read_only=True), "points": Pairs(PIXEL_DIGITS)}
        case Shape.VECTOR:
            names = output.labels
            return {"values": NamedNumbers(names, VECTOR_DIGITS) if names else Numbers(VECTOR_DIGITS)}
        case Shape.MASK:
            return {
                "png": Base64(),
                "width": serializers.IntegerField(read_only=True),
                "height": serializers.IntegerField(read_only=True),
            }
