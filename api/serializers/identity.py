"""The shape of comparisons, embeddings and of what this server says about identity."""

from typing import Any

from rest_framework import serializers

from api.fields import Numbers, Rounded
from api.serializers.analyses import DetectedFaceSerializer, ImageSerializer, ModelSerializer, TimingSerializer
from api.serializers.answers import VECTOR_DIGITS
from cv.identity.faces import Doubt

SHARE_DIGITS = 6


class ThresholdSerializer(serializers.Serializer[Any]):
    """Faces with a higher similarity count as one person; of pairs of different people, a share of ``fmr`` does."""

    fmr = serializers.FloatField(read_only=True)
    similarity = Rounded(SHARE_DIGITS)


class IdentitySerializer(serializers.Serializer[Any]):
    """Whether this server compares faces, what for, and on which legal basis. If it is off, the rest is null."""

    on = serializers.BooleanField(read_only=True)
    purpose = serializers.CharField(read_only=True, allow_null=True)
    legal_basis = serializers.CharField(read_only=True, allow_null=True)
    model = ModelSerializer(read_only=True, allow_null=True)
    thresholds = ThresholdSerializer(many=True, read_only=True, allow_null=True)


class WarnedFaceSerializer(DetectedFaceSerializer):
    """A face, and why it decides nothing, if so."""

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "doubts": _doubts()}


class EmbeddedFaceSerializer(DetectedFaceSerializer):
    """A face with its vector of length 1."""

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "doubts": _doubts(), "embedding": Numbers(VECTOR_DIGITS)}


def _doubts() -> serializers.ListField:
    help_text = "`low_quality`, `child`: the face decides nothing."
    return serializers.ListField(
        child=serializers.ChoiceField(choices=list(Doubt)), read_only=True, help_text=help_text
    )


class EmbeddingsSerializer(serializers.Serializer[Any]):
    """The faces of an image with their vectors. Only vectors of one model's ``sha256`` can be compared."""

    image = ImageSerializer(read_only=True)
    faces = EmbeddedFaceSerializer(many=True, read_only=True)
    model = ModelSerializer(read_only=True)
    timing_ms = TimingSerializer(read_only=True)


class SideSerializer(serializers.Serializer[Any]):
    """The faces of one side; null if a vector was sent."""

    image = ImageSerializer(read_only=True, allow_null=True)
    faces = WarnedFaceSerializer(many=True, read_only=True, allow_null=True)


class PairSerializer(serializers.Serializer[Any]):
    """Two faces by their indexes. ``same`` is null, unknown, if there is a doubt about a face."""

    first = serializers.IntegerField(read_only=True)
    second = serializers.IntegerField(read_only=True)
    similarity = Rounded(SHARE_DIGITS, help_text="The cosine of both vectors, from -1 to 1.")
    probability = Rounded(SHARE_DIGITS, help_text="That both are one person, at the stated prior.")
    same = serializers.BooleanField(read_only=True, allow_null=True)


class ComparisonSerializer(serializers.Serializer[Any]):
    """Every face of one side with every face of the other."""

    threshold = ThresholdSerializer(read_only=True)
    prior = serializers.FloatField(read_only=True)
    first = SideSerializer(read_only=True)
    second = SideSerializer(read_only=True)
    pairs = PairSerializer(many=True, read_only=True)
    model = ModelSerializer(read_only=True)
