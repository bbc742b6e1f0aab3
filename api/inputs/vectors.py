"""Fields about vectors of faces and how alike they must be."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.inputs.strict import FiniteFloatField
from cv.engine.odds import FALSE_MATCH_RATES
from cv.trust.vectors import unit

# The longest vector of any model.
MAX_DIMENSIONS: Final = 4096


@extend_schema_field({"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": MAX_DIMENSIONS})
class EmbeddingField(serializers.Field[Any, Any, Any, Any]):
    """A vector from `POST /embeddings`, read in one step: 10,000 of 128 numbers each come in one request."""

    default_error_messages = {"invalid": "must be a list of up to 4,096 numbers that are not all 0"}

    def to_internal_value(self, data: Any) -> Any:
        numbers = isinstance(data, list) and all(type(value) in (int, float) for value in data)
        if not numbers or len(data) > MAX_DIMENSIONS:
            self.fail("invalid")
        try:
            return unit(data)
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: Any) -> Any:
        return value


class RateField(FiniteFloatField):
    """A false match rate, which names the threshold."""

    def __init__(self, default: float, help_text: str) -> None:
        rates = ", ".join(map(str, FALSE_MATCH_RATES))
        super().__init__(default=default, help_text=f"{help_text} One of {rates}.")

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if value not in FALSE_MATCH_RATES:
            raise serializers.ValidationError([f"must be one of {', '.join(map(str, FALSE_MATCH_RATES))}"])
        return value
