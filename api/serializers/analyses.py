"""The shape of analyses. Only attributes are read, so an engine's result and a stored row serialize alike."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from api.fields import Pair, Rounded
from api.serializers.answers import AttributesSerializer
from cv.engine.types import LANDMARKS, QualityWarning
from cv.models import Analysis
from cv.models.videos import video_values

PIXEL_DIGITS = 2
SHARE_DIGITS = 6
TIME_DIGITS = 2


class BoxSerializer(serializers.Serializer[Any]):
    """Pixels of the upright image, origin at the top left; a box may reach past the image's edge."""

    x = Rounded(PIXEL_DIGITS)
    y = Rounded(PIXEL_DIGITS)
    width = Rounded(PIXEL_DIGITS)
    height = Rounded(PIXEL_DIGITS)


class LandmarksSerializer(serializers.Serializer[Any]):
    """Points as [x, y]; left and right as seen in the picture."""

    def get_fields(self) -> dict[str, Any]:
        return {name: Pair(PIXEL_DIGITS) for name in LANDMARKS}


class QualitySerializer(serializers.Serializer[Any]):
    """How reliable the attributes are; 1 is best."""

    score = Rounded(SHARE_DIGITS)
    warnings = serializers.ListField(child=serializers.ChoiceField(choices=list(QualityWarning)), read_only=True)


class FaceSerializer(serializers.Serializer[Any]):
    """Faces are ordered by size: index 0 is the largest."""

    index = serializers.IntegerField(read_only=True)
    box = BoxSerializer(read_only=True)
    confidence = Rounded(SHARE_DIGITS)
    landmarks = LandmarksSerializer(read_only=True)
    quality = QualitySerializer(read_only=True)
    attributes = AttributesSerializer(source="*", read_only=True)


class DetectedFaceSerializer(FaceSerializer):
    """Where a face is, without attributes."""

    attributes = None  # type: ignore[assignment]


class ImageSerializer(serializers.Serializer[Any]):
    """``sha256`` is the hash of the received bytes."""

    width = serializers.IntegerField(read_only=True)
    height = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True)


class ModelSerializer(serializers.Serializer[Any]):
    """The model that answered."""

    name = serializers.CharField(read_only=True)
    version = serializers.CharField(read_only=True)
    sha256 = serializers.CharField(read_only=True)


class ModelRunSerializer(ModelSerializer):
    """A model that was asked, and the milliseconds that it took for all faces; null if it was stored without."""

    ms = Rounded(TIME_DIGITS, allow_null=True)


class TimingSerializer(serializers.Serializer[Any]):
    """Milliseconds of each stage; those of a video run at once."""

    decode = Rounded(TIME_DIGITS)
    detect = Rounded(TIME_DIGITS)
    attributes = Rounded(TIME_DIGITS)
    total = Rounded(TIME_DIGITS)


class StoredSerializer(serializers.Serializer[Any]):
    """What a stored analysis has beside its result."""

    id = serializers.UUIDField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class ResultSerializer(serializers.Serializer[Any]):
    """A result, stored or not."""

    image = ImageSerializer(read_only=True)
    faces = FaceSerializer(many=True, read_only=True)
    model = ModelSerializer(read_only=True)
    models = ModelRunSerializer(many=True, read_only=True, help_text="Every model that was asked.")
    timing_ms = TimingSerializer(read_only=True)


class AnalysisSerializer(StoredSerializer, ResultSerializer):
    """A stored analysis."""


class DetectionsSerializer(serializers.Serializer[Any]):
    """The faces found, without attributes."""

    image = ImageSerializer(read_only=True)
    faces = DetectedFaceSerializer(many=True, read_only=True)
    timing_ms = TimingSerializer(read_only=True)


class HeldAnalysisSerializer(AnalysisSerializer):
    """An analysis with everything else that is stored with it, as in an export."""

    expires_at = serializers.DateTimeField(allow_null=True, read_only=True)
    subject = serializers.CharField(read_only=True)
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    asked_attributes = serializers.ListField(child=serializers.CharField(), read_only=True)
    min_face_px = serializers.IntegerField(read_only=True)
    max_faces = serializers.IntegerField(read_only=True)
    api_key = serializers.CharField(source="api_key.name", default=None, allow_null=True, read_only=True)
    labels = serializers.SerializerMethodField()
    video = serializers.SerializerMethodField(help_text="Of a video: scenes, tracks and moments; otherwise null.")

    @extend_schema_field({"type": ["object", "null"]})
    def get_video(self, analysis: Analysis) -> dict[str, Any] | None:
        """As it is stored."""
        return video_values(analysis)

    @extend_schema_field(
        {
            "type": "array",
            "items": {"type": "object", "properties": {"face": {"type": "integer"}, "labels": {"type": "object"}}},
        }
    )
    def get_labels(self, analysis: Analysis) -> list[dict[str, Any]]:
        """What people said is right about the faces."""
        given = {
            face.index: {label.output: label.value for label in face.labels.all()} for face in analysis.faces.all()
        }
        return [{"face": index, "labels": labels} for index, labels in given.items() if labels]


class ErrorBodySerializer(serializers.Serializer[Any]):
    code = serializers.CharField(read_only=True)
    message = serializers.CharField(read_only=True)
    details = serializers.DictField(read_only=True)


# Not `Error`: generated clients would hide their language's own, and one mixes it up with the field `error`.
@extend_schema_serializer(component_name="ErrorAnswer")
class ErrorSerializer(serializers.Serializer[Any]):
    """Every failure has this shape. ``code`` is stable, ``message`` is for people."""

    error = ErrorBodySerializer(read_only=True)
    request_id = serializers.CharField(read_only=True)
