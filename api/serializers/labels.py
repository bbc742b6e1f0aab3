"""The shape of labels, and of the report on how right the answers are."""

from typing import Any

from rest_framework import serializers

from api.fields import Pair, Rounded
from api.inputs.labels import LabelsInput

DIGITS = 4


class FaceLabelsSerializer(serializers.Serializer[Any]):
    """A face's index and its labels."""

    face = serializers.IntegerField(read_only=True)
    labels = LabelsInput(read_only=True)


class MistakeSerializer(serializers.Serializer[Any]):
    """How often the answer was ``answered`` where people said ``label``."""

    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    answered = serializers.CharField(read_only=True)
    n = serializers.IntegerField(read_only=True)


class ScoreSerializer(serializers.Serializer[Any]):
    """One attribute. Values that do not apply to its shape, or that no sure answer gives, are null."""

    output = serializers.CharField(read_only=True)
    n = serializers.IntegerField(read_only=True, help_text="Faces with this label and an answer.")
    abstained = Rounded(DIGITS, help_text="The share of them whose answer is too uncertain to use.")
    answered = serializers.IntegerField(read_only=True, help_text="Those with a sure answer; the rest is about them.")
    right = serializers.IntegerField(read_only=True, allow_null=True)
    accuracy = Rounded(DIGITS, allow_null=True)
    accuracy_interval = Pair(DIGITS, allow_null=True)
    mistakes = MistakeSerializer(many=True, read_only=True)
    error = Rounded(DIGITS, allow_null=True, help_text="The mean absolute error.")
    error_interval = Pair(DIGITS, allow_null=True)
    within = Rounded(DIGITS, allow_null=True, help_text="The share of labels inside the answer's interval.")
    within_interval = Pair(DIGITS, allow_null=True)
    stated = Rounded(DIGITS, allow_null=True, help_text="The share that the model states.")


class LabelReportSerializer(serializers.Serializer[Any]):
    """``…_interval`` are 95 % confidence intervals."""

    faces = serializers.IntegerField(read_only=True, help_text="Faces with at least one label.")
    with_picture = serializers.IntegerField(read_only=True, help_text="Those whose picture is kept.")
    attributes = ScoreSerializer(many=True, read_only=True)
