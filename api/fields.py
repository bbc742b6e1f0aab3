"""Serializer fields for the engine's values."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cv.engine.outputs import public_outputs


@extend_schema_field({"type": "number", "format": "double"})
class Rounded(serializers.Field[Any, Any, Any, Any]):
    """A number rounded to ``digits`` decimal places."""

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


@extend_schema_field({"type": "array", "items": {"type": "array", "items": {"type": "number"}}})
class Pairs(serializers.Field[Any, Any, Any, Any]):
    """Points, each as two numbers."""

    def __init__(self, digits: int, **kwargs: Any) -> None:
        self.digits = digits
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Iterable[tuple[float, float]]) -> list[list[float]]:
        return [[round(float(number), self.digits) for number in point] for point in value]


@extend_schema_field({"type": "array", "items": {"type": "number"}})
class Numbers(serializers.Field[Any, Any, Any, Any]):
    """A vector whose components have no names."""

    def __init__(self, digits: int, **kwargs: Any) -> None:
        self.digits = digits
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Iterable[float]) -> list[float]:
        return [round(float(number), self.digits) for number in value]


class NamedNumbers(serializers.Field[Any, Any, Any, Any]):
    """A vector whose components have names."""

    def __init__(self, names: tuple[str, ...], digits: int, **kwargs: Any) -> None:
        self.names, self.digits = names, digits
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Iterable[float]) -> dict[str, float]:
        return {name: round(float(number), self.digits) for name, number in zip(self.names, value, strict=True)}


class NamedNumbersSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = NamedNumbers

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        names = self.target.names
        return {"type": "object", "properties": {name: {"type": "number"} for name in names}, "required": list(names)}


@extend_schema_field({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"})
class Base64(serializers.Field[Any, Any, Any, Any]):
    """Bytes as base64 text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: bytes) -> str:
        return base64.b64encode(value).decode()


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}})
class Probabilities(serializers.Field[Any, Any, Any, Any]):
    """Every label with its probability, in the order of the model's outputs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Mapping[str, float]) -> dict[str, float]:
        return {label: round(float(probability), 6) for label, probability in value.items()}


class OutputName(serializers.ChoiceField):
    """An output that a request or a key may name, from the registry at the time the serializer is made."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[output.name for output in public_outputs()], **kwargs)
