"""The shape of faces grouped by person."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from api.fields import Rounded
from api.serializers.collections import SIMILARITY_DIGITS, CandidateSerializer


class KnownFaceSerializer(serializers.Serializer[Any]):
    """A face of a person in the collection, which is in no group."""

    name = serializers.CharField(read_only=True)
    match = CandidateSerializer(read_only=True)


class GroupSerializer(serializers.Serializer[Any]):
    """Faces of one person, in the order in which they were sent."""

    group = serializers.CharField(read_only=True, help_text="The name that you gave it; empty for a new group.")
    best = serializers.CharField(read_only=True, help_text="The face of the best quality.")
    faces = serializers.ListField(child=serializers.CharField(), read_only=True)


# Not `Groups`: openapi-python-client mixes it up with the field `groups`.
@extend_schema_serializer(component_name="GroupedFaces")
class GroupsSerializer(serializers.Serializer[Any]):
    """Faces that are nobody's yet, grouped by person, and those of people in the collection."""

    collection = serializers.UUIDField(read_only=True)
    threshold = Rounded(SIMILARITY_DIGITS)
    known = KnownFaceSerializer(many=True, read_only=True)
    groups = GroupSerializer(many=True, read_only=True, help_text="The largest first.")
