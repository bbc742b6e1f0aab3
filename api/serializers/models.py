"""The models in service: their description, training data and measured accuracy, also by group of people."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from api.fields import Pair
from cv.abstention import limit_of
from cv.engine.labels import BINS, CLASSES, Attribute

METRIC_DIGITS = 4


class ModelCardSerializer(serializers.Serializer[Any]):
    """A model, its training data and its measured accuracy."""

    name = serializers.CharField(read_only=True)
    version = serializers.CharField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    architecture = serializers.CharField(read_only=True)
    chip_size = serializers.IntegerField(read_only=True)
    labels = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), read_only=True)
    licence = serializers.CharField(read_only=True)
    trained_on = serializers.ListField(child=serializers.CharField(), read_only=True)
    outputs = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="What it answers; empty for a model that serves whatever is asked for.",
    )
    interval_coverage = serializers.FloatField(
        read_only=True, allow_null=True, help_text="null for a model without intervals."
    )
    metrics = serializers.DictField(child=serializers.FloatField(), read_only=True)
    abstain_below = serializers.SerializerMethodField(
        help_text="This server abstains if the label's probability is below this."
    )
    abstain_wider = serializers.SerializerMethodField(
        help_text="It abstains if the interval is wider than this, in the unit of the estimate."
    )
    abstain_quality = serializers.SerializerMethodField(
        help_text="It abstains from every answer about a face whose quality score is below this."
    )

    def get_abstain_below(self, card: Any) -> dict[str, float]:
        return _limits(card, CLASSES)

    def get_abstain_quality(self, card: Any) -> float:
        return settings.XCLOUD_ABSTAIN_QUALITY

    def get_abstain_wider(self, card: Any) -> dict[str, float]:
        return _limits(card, BINS)


def _limits(card: Any, attributes: Iterable[Attribute]) -> dict[str, float]:
    """Of the attributes that the model answers. A card with its text is a dictionary."""
    given = card["outputs"] if isinstance(card, dict) else card.outputs
    return {attribute.value: limit_of(attribute) for attribute in attributes if attribute in given}


class ScoresSerializer(serializers.Serializer[Any]):
    """Measures by name: `…_accuracy`, `…_mae` and so on."""

    n = serializers.IntegerField(read_only=True, help_text="Number of faces.")
    metrics = serializers.DictField(child=serializers.FloatField(), read_only=True)
    intervals = serializers.DictField(
        child=Pair(METRIC_DIGITS), read_only=True, help_text="95 % confidence intervals of the measures that have one."
    )


class GroupScoresSerializer(ScoresSerializer):
    by = serializers.CharField(
        read_only=True, help_text="`gender`, `race`, `age`, or the combination `gender, race, age`."
    )
    group = serializers.CharField(read_only=True, help_text="For example `female, white, 20-29`.")


class QualityScoresSerializer(ScoresSerializer):
    score_from = serializers.FloatField(read_only=True)
    score_to = serializers.FloatField(read_only=True)


class ReliabilityBinSerializer(serializers.Serializer[Any]):
    """How often answers with about the same confidence were correct."""

    n = serializers.IntegerField(read_only=True)
    confidence = serializers.FloatField(read_only=True)
    accuracy = serializers.FloatField(read_only=True)


class ClassReportSerializer(serializers.Serializer[Any]):
    attribute = serializers.CharField(read_only=True)
    labels = serializers.ListField(child=serializers.CharField(), read_only=True)
    confusion = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        read_only=True,
        help_text="Numbers of faces: one row per true label, one column per answer.",
    )
    reliability = ReliabilityBinSerializer(many=True, read_only=True)


class EvaluationSerializer(ScoresSerializer):
    """The served pipeline, measured on one labelled data set."""

    data_set = serializers.CharField(read_only=True)
    coverage = serializers.FloatField(read_only=True, help_text="The share of pictures in which a face was found.")
    groups = GroupScoresSerializer(many=True, read_only=True)
    classes = ClassReportSerializer(many=True, read_only=True)
    quality = QualityScoresSerializer(many=True, read_only=True)


class SectionSerializer(serializers.Serializer[Any]):
    """A section of the card's text."""

    name = serializers.CharField(read_only=True, help_text="The section's name: `data`, `limits` and so on.")
    title = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True, help_text="Markdown.")


class CardPictureSerializer(serializers.Serializer[Any]):
    """A chart of the card."""

    title = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, picture: Any) -> str:
        address = reverse("model-file", args=[self.context["name"], picture["file"]])
        return str(self.context["request"].build_absolute_uri(address))


class ModelDetailSerializer(ModelCardSerializer):
    """A model with its whole card. Evaluations, sections and pictures are empty if the card is of other weights."""

    training = serializers.DictField(
        child=serializers.JSONField(),
        read_only=True,
        help_text="For each branch of the network: command, settings, seed, log, versions and date.",
    )
    evaluations = EvaluationSerializer(many=True, read_only=True)
    sections = SectionSerializer(many=True, read_only=True)
    pictures = CardPictureSerializer(many=True, read_only=True)
