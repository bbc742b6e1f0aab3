"""Serializer fields for the engine's values."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field({"type": "number", "format": "double"})
class Rounded(serializers.Field[Any, Any, Any, Any]):
    """A number without digits that mean nothing."""

    def __init__(self, digits: int, **kwargs: Any) -> None:
        self.digits = digits
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: float) -> float:
        return round(float(value), self.digits)


@extend_schema_field({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2})
class Pair(serializers.Field[Any, Any, Any, Any]):
    """Two numbers: a point, an interval or a scale."""

    def __init__(self, digits: int, **kwargs: Any) -> None:
        self.digits = digits
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: tuple[float, float]) -> list[float]:
        return [round(float(number), self.digits) for number in value]


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}})
class Probabilities(serializers.Field[Any, Any, Any, Any]):
    """Every label with its probability, in the order of the model's outputs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Mapping[str, float]) -> dict[str, float]:
        return {label: round(float(probability), 6) for label, probability in value.items()}
