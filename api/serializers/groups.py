"""The shape of faces grouped by person."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from api.fields import Rounded
from api.serializers.analyses import SHARE_DIGITS
from api.serializers.collections import SIMILARITY_DIGITS, CandidateSerializer
from cv.identity.faces import Doubt
from cv.models import FaceGroup, GroupedFace
from cv.services.face_vectors import doubts_of

MOST_SHOWN = 100


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
    """Unknown faces, grouped by person, and those of people in the collection."""

    collection = serializers.UUIDField(read_only=True)
    threshold = Rounded(SIMILARITY_DIGITS)
    known = KnownFaceSerializer(many=True, read_only=True)
    groups = GroupSerializer(many=True, read_only=True, help_text="The largest first.")


class GroupingSerializer(serializers.Serializer[Any]):
    """What became of the faces that were looked at for the first time."""

    faces = serializers.IntegerField(read_only=True, help_text="How many were looked at.")
    known = serializers.IntegerField(read_only=True, help_text="Of people in the collection, so in no group.")
    new_groups = serializers.IntegerField(read_only=True)


class GroupedFaceSerializer(serializers.Serializer[Any]):
    """A face by its analysis and its index in it."""

    analysis = serializers.UUIDField(read_only=True, source="vector.face.analysis_id")
    index = serializers.IntegerField(read_only=True, source="vector.face.index")
    quality = Rounded(SHARE_DIGITS, source="vector.face.quality_score")
    doubts = serializers.SerializerMethodField(help_text="Why the face is not enrolled when the group is named.")

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=list(Doubt))))
    def get_doubts(self, member: GroupedFace) -> list[str]:
        return [str(doubt) for doubt in doubts_of(member.vector)]


class StoredGroupSerializer(serializers.Serializer[Any]):
    """Faces that look like one person."""

    id = serializers.UUIDField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    count = serializers.IntegerField(read_only=True, source="face_count", help_text="How many faces it has.")
    faces = serializers.SerializerMethodField(help_text="Up to 100, the best first.")

    @extend_schema_field(GroupedFaceSerializer(many=True))
    def get_faces(self, group: FaceGroup) -> list[Any]:
        members = group.members.select_related("vector__face").order_by("-vector__face__quality_score", "pk")
        return [GroupedFaceSerializer(member).data for member in members[:MOST_SHOWN]]


class SplitSerializer(serializers.Serializer[Any]):
    group = serializers.UUIDField(read_only=True, help_text="The group of the other person.")
