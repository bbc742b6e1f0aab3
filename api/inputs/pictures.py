"""What a client asks for of a picture that goes out."""

import re
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.inputs.strict import StrictSerializer
from api.inputs.vectors import RateField
from cv.engine.edits.types import Background, Colour, Cover, PictureFormat, Portrait, Redaction
from cv.engine.types import MAX_FACES_RANGE, MIN_FACE_PX_RANGE

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")


@extend_schema_field({"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"})
class ColourField(serializers.Field[Any, Any, Any, Any]):
    """A colour as in CSS: ``#rrggbb``."""

    def to_internal_value(self, data: Any) -> Colour:
        if not isinstance(data, str) or not _HEX.fullmatch(data):
            raise serializers.ValidationError(["must be a colour like #1e90ff"])
        red, green, blue = bytes.fromhex(data[1:])
        return red, green, blue


class FormatField(serializers.ChoiceField):
    """The format of the picture that goes out."""

    def __init__(self, help_text: str) -> None:
        super().__init__(choices=[kind.value for kind in PictureFormat], required=False, help_text=help_text)

    def to_internal_value(self, data: Any) -> PictureFormat:
        return PictureFormat(super().to_internal_value(data))


class PortraitInput(StrictSerializer):
    """What is to be behind the people of a photo."""

    background = serializers.ChoiceField(
        choices=[background.value for background in Background],
        default=Background.BLUR.value,
        help_text="Out of focus, one colour, or nothing.",
    )
    strength = serializers.IntegerField(
        min_value=1, max_value=100, default=50, help_text="How far out of focus, in percent of the most."
    )
    colour = ColourField(required=False, help_text="The colour of the background; default: white.")
    format = FormatField(
        "The format of the answer. Default: that of the image if it is JPEG, PNG or WebP, or JPEG; PNG instead of JPEG "
        "if the background is transparent."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["background"] == Background.TRANSPARENT and attrs.get("format") is PictureFormat.JPEG:
            raise serializers.ValidationError({"format": ["a JPEG cannot be transparent; ask for png or webp"]})
        return attrs

    def portrait(self) -> Portrait:
        given = {name: self.validated_data[name] for name in ("colour", "format") if name in self.validated_data}
        background = Background(self.validated_data["background"])
        return Portrait(background, strength=self.validated_data["strength"] / 100, **given)


class RedactionInput(StrictSerializer):
    """Which faces to hide, and how."""

    cover = serializers.ChoiceField(
        choices=[cover.value for cover in Cover], default=Cover.BLUR.value, help_text="What hides a face."
    )
    faces = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=MAX_FACES_RANGE[1] - 1),
        allow_empty=False,
        max_length=MAX_FACES_RANGE[1],
        required=False,
        help_text="Hide only these faces: their indices in a detection with the same `min_face_px`. Default: all.",
    )
    except_collection = serializers.UUIDField(
        required=False, help_text="Hide everybody but the people of this collection of yours (scope `identify`)."
    )
    fmr = RateField(1e-3, "With `except_collection`: the share of strangers who may stay visible.")
    colour = ColourField(required=False, help_text="The colour of bars; default: black.")
    min_face_px = serializers.IntegerField(
        min_value=MIN_FACE_PX_RANGE[0],
        max_value=MIN_FACE_PX_RANGE[1],
        default=Redaction().min_face_px,
        help_text="The smallest face to hide: its shorter side, in pixels of the image.",
    )
    format = FormatField("The format of the answer. Default: that of the image if it is JPEG, PNG or WebP, or JPEG.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "faces" in attrs and "except_collection" in attrs:
            raise serializers.ValidationError({"faces": ["cannot be combined with `except_collection`"]})
        return attrs

    def redaction(self) -> Redaction:
        given = {name: self.validated_data[name] for name in ("colour", "format") if name in self.validated_data}
        faces = self.validated_data.get("faces")
        return Redaction(
            cover=Cover(self.validated_data["cover"]),
            faces=None if faces is None else frozenset(faces),
            min_face_px=self.validated_data["min_face_px"],
            **given,
        )
