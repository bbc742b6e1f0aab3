"""The shape of every answer. It reads attributes alone, so an engine's result and a stored row come out the same."""

from typing import Any

from rest_framework import serializers

from api.fields import Pair, Probabilities, Rounded
from cv.abstention import abstains
from cv.engine.labels import Attribute, Expression, Gender, Race
from cv.engine.types import QualityWarning

PIXEL_DIGITS = 2
SHARE_DIGITS = 6
ESTIMATE_DIGITS = 2
TIME_DIGITS = 2


class BoxSerializer(serializers.Serializer[Any]):
    """Pixels of the upright image, origin at the top left; a box may reach past the image's edge."""

    x = Rounded(PIXEL_DIGITS)
    y = Rounded(PIXEL_DIGITS)
    width = Rounded(PIXEL_DIGITS)
    height = Rounded(PIXEL_DIGITS)


class LandmarksSerializer(serializers.Serializer[Any]):
    """Points as [x, y]; left and right as seen in the picture."""

    left_eye = Pair(PIXEL_DIGITS)
    right_eye = Pair(PIXEL_DIGITS)
    nose = Pair(PIXEL_DIGITS)
    mouth_left = Pair(PIXEL_DIGITS)
    mouth_right = Pair(PIXEL_DIGITS)


class QualitySerializer(serializers.Serializer[Any]):
    """How reliable the attributes are; 1 is best."""

    score = Rounded(SHARE_DIGITS)
    warnings = serializers.ListField(child=serializers.ChoiceField(choices=list(QualityWarning)), read_only=True)


class CoverageField(serializers.FloatField):
    """What the model that answered stated about its intervals; the current model may state another value."""

    def __init__(self) -> None:
        text = (
            "The stated probability that the interval contains the label; null for analyses from before it was stored."
        )
        super().__init__(min_value=0, max_value=1, allow_null=True, read_only=True, help_text=text)


class AbstainedField(serializers.BooleanField):
    """Whether the answer is too uncertain to use."""

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        text = "true if the answer is too uncertain to use. Treat the attribute as unknown."
        super().__init__(source="*", read_only=True, help_text=text)

    def to_representation(self, value: Any) -> bool:
        return abstains(self.attribute, value)


class AgeSerializer(serializers.Serializer[Any]):
    """Years."""

    value = Rounded(ESTIMATE_DIGITS)
    interval = Pair(ESTIMATE_DIGITS)
    coverage = CoverageField()
    abstained = AbstainedField(Attribute.AGE)


class BeautySerializer(serializers.Serializer[Any]):
    """The mean rating that the raters of the training data would give."""

    value = Rounded(ESTIMATE_DIGITS)
    scale = Pair(ESTIMATE_DIGITS)
    interval = Pair(ESTIMATE_DIGITS)
    coverage = CoverageField()
    abstained = AbstainedField(Attribute.BEAUTY)


class GenderSerializer(serializers.Serializer[Any]):
    label = serializers.ChoiceField(choices=list(Gender), read_only=True)  # type: ignore[assignment]
    abstained = AbstainedField(Attribute.GENDER)
    probabilities = Probabilities()


class RaceSerializer(serializers.Serializer[Any]):
    label = serializers.ChoiceField(choices=list(Race), read_only=True)  # type: ignore[assignment]
    abstained = AbstainedField(Attribute.RACE)
    probabilities = Probabilities()


class ExpressionSerializer(serializers.Serializer[Any]):
    label = serializers.ChoiceField(choices=list(Expression), read_only=True)  # type: ignore[assignment]
    abstained = AbstainedField(Attribute.EXPRESSION)
    probabilities = Probabilities()


class AttributesSerializer(serializers.Serializer[Any]):
    """The attributes that were requested, and no others."""

    age = AgeSerializer(required=False)
    gender = GenderSerializer(required=False)
    race = RaceSerializer(required=False)
    expression = ExpressionSerializer(required=False)
    beauty = BeautySerializer(required=False)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        # Stored before the key lost an attribute: not shown any more.
        allowed = self.context.get("attributes", shown)
        return {name: value for name, value in shown.items() if value is not None and name in allowed}


class FaceSerializer(serializers.Serializer[Any]):
    """Faces are ordered by size: index 0 is the largest."""

    index = serializers.IntegerField(read_only=True)
    box = BoxSerializer(read_only=True)
    confidence = Rounded(SHARE_DIGITS)
    landmarks = LandmarksSerializer(read_only=True)
    quality = QualitySerializer(read_only=True)
    attributes = AttributesSerializer(read_only=True)


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


class TimingSerializer(serializers.Serializer[Any]):
    """Milliseconds of each stage."""

    decode = Rounded(TIME_DIGITS)
    detect = Rounded(TIME_DIGITS)
    attributes = Rounded(TIME_DIGITS)
    total = Rounded(TIME_DIGITS)


class AnalysisSerializer(serializers.Serializer[Any]):
    """A stored analysis."""

    id = serializers.UUIDField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    image = ImageSerializer(read_only=True)
    faces = FaceSerializer(many=True, read_only=True)
    model = ModelSerializer(read_only=True)
    timing_ms = TimingSerializer(read_only=True)


class ResultSerializer(AnalysisSerializer):
    """A result that was not stored: without id and time."""

    id = None  # type: ignore[assignment]
    created_at = None  # type: ignore[assignment]


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


class ErrorBodySerializer(serializers.Serializer[Any]):
    code = serializers.CharField(read_only=True)
    message = serializers.CharField(read_only=True)
    details = serializers.DictField(read_only=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """Every failure has this shape. ``code`` is stable, ``message`` is for people."""

    error = ErrorBodySerializer(read_only=True)
    request_id = serializers.CharField(read_only=True)
