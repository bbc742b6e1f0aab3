"""The base of all inputs, which rejects unknown fields, and fields that all inputs share."""

import math
from typing import Any

from django.http import QueryDict
from rest_framework import serializers

MAX_PAGE_SIZE = 100
# How much of an unknown field's name the error quotes.
QUOTED = 100


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a mistyped option must not be dropped in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            message = f"unknown field; known fields: {', '.join(self.fields) or 'none'}"
            unknown = [str(name)[:QUOTED] for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(data)


def given_once(query: QueryDict) -> dict[str, str]:
    """The parameters of an address. Raises ValidationError for a repeated parameter, which would be ambiguous."""
    repeated = [name for name, values in query.lists() if len(values) > 1]
    if repeated:
        raise serializers.ValidationError({name[:QUOTED]: ["give it once, not several times"] for name in repeated})
    return {name: value for name, value in query.items() if isinstance(value, str)}


class NothingInput(StrictSerializer):
    """An empty body, or an object without fields."""


class FiniteFloatField(serializers.FloatField):
    """``nan`` passes every comparison with a limit, and no database agrees with another on it."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class PagingInput(StrictSerializer):
    """Paging of a list."""

    page_size = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PAGE_SIZE)
    cursor = serializers.CharField(
        required=False, help_text="Part of `next` and `previous`; do not build one yourself."
    )
