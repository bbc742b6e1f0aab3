"""What a client sends to have faces grouped by person."""

from typing import Any, Final

import numpy as np
from rest_framework import serializers

from api.inputs.collections import AcceptField, EnrolledInput
from api.inputs.strict import FiniteFloatField, StrictSerializer
from api.inputs.vectors import EmbeddingField
from cv.search.base import Vectors
from cv.search.grouping import THRESHOLD

MAX_FACE_NAME: Final = 200
MAX_APART: Final = 10_000


class UngroupedFace(StrictSerializer):
    """A face to group by its vector."""

    name = serializers.CharField(max_length=MAX_FACE_NAME, help_text="Your own name for the face, once a request.")
    embedding = EmbeddingField(help_text="A vector from `POST /embeddings`.")
    quality = FiniteFloatField(
        min_value=0, max_value=1, default=0.0, help_text="Its quality score, to choose a group's best face by."
    )
    group = serializers.CharField(
        max_length=MAX_FACE_NAME,
        default="",
        allow_blank=True,
        help_text="The group that it is in already: such a group keeps its faces and is never merged with another. To "
        "merge two groups, give both one name; to split one, give its faces two.",
    )


class GroupsInput(StrictSerializer):
    """Faces to group, up to 10,000."""

    model = serializers.RegexField(
        r"^[0-9a-f]{64}\Z", help_text="The `sha256` of the model that made the vectors: the collection's."
    )
    faces = UngroupedFace(many=True, allow_empty=False)
    apart = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(max_length=MAX_FACE_NAME), min_length=2, max_length=2),
        max_length=MAX_APART,
        default=list,
        help_text="Pairs of faces, by name, that are different people.",
    )
    threshold = FiniteFloatField(
        min_value=0.1,
        max_value=0.99,
        default=THRESHOLD,
        help_text="The mean similarity that two groups need to be one person.",
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        names = [face["name"] for face in given["faces"]]
        known = set(names)
        if len(known) < len(names):
            raise serializers.ValidationError({"faces": ["each name may come only once"]})
        if not known.issuperset(name for pair in given["apart"] for name in pair):
            raise serializers.ValidationError({"apart": ["names a face that is not in `faces`"]})
        if len({face["embedding"].shape for face in given["faces"]}) > 1:
            raise serializers.ValidationError({"faces": ["the vectors have different lengths"]})
        return given

    def vectors(self) -> Vectors:
        return np.stack([face["embedding"] for face in self.validated_data["faces"]])


class GroupingInput(StrictSerializer):
    """Which faces to group: those of a job, or of all analyses."""

    job = serializers.UUIDField(required=False, help_text="Only the faces of this job's analyses.")


class GroupNameInput(EnrolledInput):
    """Who the people of a group are: its best faces are enrolled as this subject."""

    accept = AcceptField()


class GroupMergeInput(StrictSerializer):
    group = serializers.UUIDField(help_text="The group that is the same person; its faces move to this one.")


class FaceOfAnalysis(StrictSerializer):
    """A face by its analysis and its index in it."""

    analysis = serializers.UUIDField()
    index = serializers.IntegerField(min_value=0)


class GroupSplitInput(StrictSerializer):
    faces = FaceOfAnalysis(
        many=True,
        allow_empty=False,
        help_text="The faces of another person: they become a group of their own.",
    )


class GroupRejectInput(StrictSerializer):
    face = FaceOfAnalysis(help_text="The face that is not this person, now and whenever faces are grouped again.")
