"""What clients may send, checked: the options of an analysis and the filters of the list."""

from typing import Any

from rest_framework import serializers

from cv.choices import EXPRESSIONS, GENDERS, RACES
from cv.engine.labels import Attribute
from cv.engine.types import MAX_FACES_RANGE, MIN_FACE_PX_RANGE, AnalysisOptions
from cv.selectors import AnalysisFilter
from cv.services import StoreOptions

MAX_TTL_DAYS = 3650
MAX_PAGE_SIZE = 100
# How much of an unknown field's name is quoted back.
QUOTED = 100


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a mistyped option must not be dropped in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            message = f"unknown field; known are {', '.join(self.fields)}"
            unknown = [str(name)[:QUOTED] for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(data)


class StoreInput(StrictSerializer):
    """What is kept beside the result."""

    image = serializers.BooleanField(default=False, help_text="Keep the picture itself.")
    ttl_days = serializers.IntegerField(
        min_value=1, max_value=MAX_TTL_DAYS, allow_null=True, default=None, help_text="Delete everything after so long."
    )
    subject = serializers.CharField(
        max_length=200, allow_blank=True, default="", help_text="Your own name for whom the picture shows."
    )


class OptionsInput(StrictSerializer):
    """How an image is analysed and what is kept."""

    attributes = serializers.ListField(
        child=serializers.ChoiceField(choices=[attribute.value for attribute in Attribute]),
        allow_empty=False,
        required=False,
        help_text="Which attributes to describe; all by default.",
    )
    max_faces = serializers.IntegerField(
        min_value=MAX_FACES_RANGE[0],
        max_value=MAX_FACES_RANGE[1],
        required=False,
        help_text="Describe at most so many faces, the largest first.",
    )
    min_face_px = serializers.IntegerField(
        min_value=MIN_FACE_PX_RANGE[0],
        max_value=MIN_FACE_PX_RANGE[1],
        required=False,
        help_text="Smallest side of a face, in pixels of the image.",
    )
    store = StoreInput(required=False)

    def analysis_options(self) -> AnalysisOptions:
        given = {name: value for name, value in self.validated_data.items() if name in ("max_faces", "min_face_px")}
        if "attributes" in self.validated_data:
            given["attributes"] = frozenset(Attribute(name) for name in self.validated_data["attributes"])
        return AnalysisOptions(**given)

    def store_options(self) -> StoreOptions:
        return StoreOptions(**self.validated_data.get("store", {}))


class ListInput(StrictSerializer):
    """Filters and paging of the list; filters about a face hold for one and the same face."""

    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    subject = serializers.CharField(required=False, max_length=200)
    gender = serializers.ChoiceField(choices=GENDERS, required=False)
    race = serializers.ChoiceField(choices=RACES, required=False)
    expression = serializers.ChoiceField(choices=EXPRESSIONS, required=False)
    min_age = serializers.FloatField(required=False, min_value=0, max_value=200)
    max_age = serializers.FloatField(required=False, min_value=0, max_value=200)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=MAX_PAGE_SIZE)
    cursor = serializers.CharField(required=False, help_text="From `next` or `previous`; do not build one.")

    def wanted(self) -> AnalysisFilter:
        paging = ("page_size", "cursor")
        return AnalysisFilter(**{name: value for name, value in self.validated_data.items() if name not in paging})
