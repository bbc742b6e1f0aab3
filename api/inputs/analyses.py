"""The options of an analysis and the filters of the list."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from api.fields import OutputName
from api.inputs.names import NameField
from api.inputs.strict import FiniteFloatField, PagingInput, StrictSerializer
from api.inputs.subjects import MAX_SUBJECT
from cv.choices import EXPRESSIONS, GENDERS, RACES
from cv.engine.labels import BEAUTY_SCALE, Attribute
from cv.engine.outputs import DEFAULT_OUTPUTS, EMBEDDING
from cv.engine.types import MAX_FACES_RANGE, MIN_FACE_PX_RANGE, AnalysisOptions
from cv.selectors import AnalysisFilter
from cv.services import StoreOptions
from cv.trust.caller import Caller
from cv.trust.chips import FaceChips
from cv.trust.limits import MOST_DAYS

# The attribute that each filter of the list reveals.
ATTRIBUTE_OF_FILTER = {
    "gender": Attribute.GENDER,
    "race": Attribute.RACE,
    "expression": Attribute.EXPRESSION,
    "min_age": Attribute.AGE,
    "max_age": Attribute.AGE,
    "min_beauty": Attribute.BEAUTY,
    "max_beauty": Attribute.BEAUTY,
}


def check_attributes(asked: Iterable[str], allowed: frozenset[str]) -> None:
    """Raises PermissionDenied, which names the attributes that the caller may not read."""
    forbidden = sorted(set(asked) - allowed)
    if forbidden:
        raise PermissionDenied(f"attributes: not available to this key or on this server: {', '.join(forbidden)}")


class StoreInput(StrictSerializer):
    """What is stored besides the result, and for how long."""

    image = serializers.BooleanField(default=False, help_text="Keep the picture itself.")
    chips = serializers.BooleanField(
        allow_null=True,
        default=None,
        help_text="Keep a small picture (96 px) of each face, sealed, if the picture itself is not kept. If not given, "
        "the server's default (`XCLOUD_FACE_CHIPS`).",
    )
    ttl_days = serializers.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        allow_null=True,
        default=None,
        help_text="Delete everything after this many days.",
    )
    subject = NameField(
        max_length=MAX_SUBJECT, allow_blank=True, default="", help_text="Your own name for the person in the picture."
    )
    vectors = serializers.BooleanField(
        default=False,
        help_text="Keep the vector of each face, sealed, so that a collection can group the faces by person; needs the "
        "scope `identify`, where identity is on.",
    )

    def validate_chips(self, value: bool | None) -> bool | None:
        if value and settings.XCLOUD_FACE_CHIPS == FaceChips.NEVER:
            raise serializers.ValidationError("this server keeps no pictures of faces")
        return value


class ResultStoreInput(StoreInput):
    """What is stored of one analysis: with ``result`` false, nothing."""

    result = serializers.BooleanField(
        default=True, help_text="Keep the answers. `false`: the request is answered and nothing is kept."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["result"]:
            kept = {name for name in ("image", "chips", "ttl_days", "subject", "vectors") if attrs[name]}
            if kept:
                message = "cannot be combined with `result`: false, which keeps nothing"
                raise serializers.ValidationError({name: [message] for name in sorted(kept)})
        return attrs


class DetectionInput(StrictSerializer):
    """Which faces to look for."""

    max_faces = serializers.IntegerField(
        min_value=MAX_FACES_RANGE[0],
        max_value=MAX_FACES_RANGE[1],
        required=False,
        help_text="Answer at most this many faces, the largest first.",
    )
    min_face_px = serializers.IntegerField(
        min_value=MIN_FACE_PX_RANGE[0],
        max_value=MIN_FACE_PX_RANGE[1],
        required=False,
        help_text="The smallest face to look for: its shorter side, in pixels of the image. Some smaller are found.",
    )


class OptionsInput(DetectionInput):
    """How to analyze an image and what to store."""

    attributes = serializers.ListField(
        child=OutputName(),
        allow_empty=False,
        required=False,
        help_text=f"Which attributes to estimate; default: {', '.join(DEFAULT_OUTPUTS)}.",
    )
    store = StoreInput(required=False)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        return {name: fields[name] for name in ("attributes", "max_faces", "min_face_px", "store", *fields)}

    def analysis_options(self, caller: Caller) -> AnalysisOptions:
        """Those named, or the default ones that are allowed. Raises PermissionDenied if one named is not allowed."""
        allowed = caller.attributes
        given = {name: value for name, value in self.validated_data.items() if name in ("max_faces", "min_face_px")}
        named = frozenset(self.validated_data.get("attributes", ()))
        check_attributes(named, allowed)
        wanted = named or allowed.intersection(DEFAULT_OUTPUTS)
        if self.validated_data.get("store", {}).get("vectors"):
            if not caller.may_compute({EMBEDDING.name}):
                raise PermissionDenied("store.vectors: needs the scope `identify`, and a server where identity is on")
            wanted |= {EMBEDDING.name}
        return AnalysisOptions(attributes=wanted, **given)

    def store_options(self) -> StoreOptions:
        """What to store with the result."""
        kept = {
            name: value
            for name, value in self.validated_data.get("store", {}).items()
            if name not in ("result", "vectors", "chips")
        }
        return StoreOptions(**kept, chips=self._keeps_chips())

    def _keeps_chips(self) -> bool:
        """As asked, or by the server's default."""
        asked: bool | None = self.validated_data.get("store", {}).get("chips")
        return settings.XCLOUD_FACE_CHIPS == FaceChips.DEFAULT if asked is None else asked


class AnalysisInput(OptionsInput):
    """The options of a single analysis, which need not be stored."""

    store = ResultStoreInput(required=False)

    @property
    def keeps_result(self) -> bool:
        """Whether the answers are stored."""
        return bool(self.validated_data.get("store", {}).get("result", True))


class LinkInput(StrictSerializer):
    """The token of a link to an analysis of another user, which its page makes."""

    # Blank is the default, which generated clients send.
    link = serializers.CharField(
        required=False, max_length=200, allow_blank=True, default="", help_text="For a logged-in user only."
    )


class ListInput(PagingInput):
    """Filters and paging of the list. If you combine filters about a face, a single face must match all."""

    created_after = serializers.DateTimeField(required=False, help_text="At this time or later.")
    created_before = serializers.DateTimeField(required=False, help_text="Before this time.")
    subject = serializers.CharField(required=False, max_length=MAX_SUBJECT)
    model_version = serializers.CharField(required=False, max_length=50)
    gender = serializers.ChoiceField(choices=GENDERS, required=False)
    race = serializers.ChoiceField(choices=RACES, required=False)
    expression = serializers.ChoiceField(choices=EXPRESSIONS, required=False)
    min_age = FiniteFloatField(required=False, min_value=0, max_value=200)
    max_age = FiniteFloatField(required=False, min_value=0, max_value=200)
    min_beauty = FiniteFloatField(required=False, min_value=BEAUTY_SCALE[0], max_value=BEAUTY_SCALE[1])
    max_beauty = FiniteFloatField(required=False, min_value=BEAUTY_SCALE[0], max_value=BEAUTY_SCALE[1])
    min_quality = FiniteFloatField(required=False, min_value=0, max_value=1)
    unsure = serializers.BooleanField(
        required=False,
        help_text="If true, answers that abstained match the filters, too. By default they do not.",
    )

    def wanted(self) -> AnalysisFilter:
        paging = ("page_size", "cursor")
        return AnalysisFilter(**{name: value for name, value in self.validated_data.items() if name not in paging})

    def attributes_filtered(self) -> set[str]:
        """The attributes that the filters reveal, even if they are not shown."""
        return {ATTRIBUTE_OF_FILTER[name] for name in self.validated_data if name in ATTRIBUTE_OF_FILTER}
