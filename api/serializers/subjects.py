"""Exports, and receipts of erasure. Built by cv.trust.receipts and api.exports; described here for the schema."""

from typing import Any

from rest_framework import serializers

from api.serializers.analyses import HeldAnalysisSerializer
from api.serializers.collections import (
    ExportedFaceSerializer,
    ExportedNegativeSerializer,
    ExportedVectorSerializer,
)
from api.serializers.jobs import JobItemSerializer, JobSerializer


class PictureInExportSerializer(serializers.Serializer[Any]):
    media_type = serializers.CharField(read_only=True)
    base64 = serializers.CharField(read_only=True)


class ChipInExportSerializer(PictureInExportSerializer):
    face = serializers.IntegerField(read_only=True)


class ExportedAnalysisSerializer(HeldAnalysisSerializer):
    picture = PictureInExportSerializer(read_only=True, allow_null=True)
    vectors = ExportedVectorSerializer(many=True, read_only=True, help_text="Those that were kept (`store.vectors`).")
    chips = ChipInExportSerializer(
        many=True, read_only=True, help_text="Small pictures of the faces that were kept (`store.chips`)."
    )


class ExportedJobSerializer(JobSerializer):
    items = JobItemSerializer(many=True, read_only=True)


class SubjectExportSerializer(serializers.Serializer[Any]):
    """Everything stored about a subject."""

    exported_at = serializers.DateTimeField(read_only=True)
    analyses = ExportedAnalysisSerializer(many=True, read_only=True)
    jobs = ExportedJobSerializer(many=True, read_only=True)
    enrolled_faces = ExportedFaceSerializer(many=True, read_only=True)
    not_this_person = ExportedNegativeSerializer(
        many=True, read_only=True, help_text="Faces of which someone said that they are not this subject."
    )


class DeletedSerializer(serializers.Serializer[Any]):
    analyses = serializers.IntegerField(read_only=True)
    faces = serializers.IntegerField(read_only=True)
    pictures = serializers.IntegerField(read_only=True)
    remembered_answers = serializers.IntegerField(read_only=True)
    jobs = serializers.IntegerField(read_only=True)
    vectors = serializers.IntegerField(
        read_only=True, required=False, help_text="Vectors that were kept of the analyses' faces."
    )
    chips = serializers.IntegerField(
        read_only=True, required=False, help_text="Small pictures that were kept of the analyses' faces."
    )
    enrolled_faces = serializers.IntegerField(
        read_only=True, help_text="Faces in collections, each with its vector and its entry in the search index."
    )
    group_memberships = serializers.IntegerField(
        read_only=True, required=False, help_text="Places of faces in groups of unknown faces."
    )
    negatives = serializers.IntegerField(
        read_only=True,
        required=False,
        help_text="Statements that a face is not someone: about these faces or the name.",
    )


class ReceiptSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    type = serializers.ChoiceField(choices=["erasure"], read_only=True)
    erased_at = serializers.DateTimeField(read_only=True)
    deleted = DeletedSerializer(read_only=True)


class ErasureReceiptSerializer(serializers.Serializer[Any]):
    """``signature`` is over ``receipt`` as JSON with sorted keys and without spaces."""

    receipt = ReceiptSerializer(read_only=True)
    algorithm = serializers.ChoiceField(choices=["Ed25519"], read_only=True)
    key_id = serializers.CharField(read_only=True)
    signature = serializers.CharField(read_only=True, help_text="Base64.")


class ReceiptKeySerializer(serializers.Serializer[Any]):
    """A public key that verifies receipts."""

    key_id = serializers.CharField(read_only=True)
    algorithm = serializers.ChoiceField(choices=["Ed25519"], read_only=True)
    pem = serializers.CharField(read_only=True)
