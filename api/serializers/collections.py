"""The shape of collections, of their faces and subjects, and of searches in them."""

from typing import Any

from rest_framework import serializers

from api.fields import Rounded
from api.serializers.analyses import SHARE_DIGITS, DetectedFaceSerializer, ImageSerializer, ModelSerializer
from cv.identity.faces import Doubt
from cv.models import EnrolledFace, FaceVector
from cv.models.groups import face_place
from cv.search.people import Candidate
from cv.search.photos import Searched
from cv.trust.vectors import unseal_vector

SIMILARITY_DIGITS = 4
VECTOR_DIGITS = 6


class CollectionSerializer(serializers.Serializer[Any]):
    """A named set of people, known by vectors of one model."""

    id = serializers.UUIDField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    name = serializers.CharField(read_only=True)
    ttl_days = serializers.IntegerField(read_only=True, allow_null=True)
    model = ModelSerializer(read_only=True, help_text="The embedding model; vectors of others cannot be compared.")
    faces = serializers.IntegerField(read_only=True, source="face_count", help_text="How many faces are enrolled.")
    subjects = serializers.IntegerField(read_only=True, source="subject_count", help_text="Of how many people.")


class EnrolledFaceSerializer(serializers.Serializer[Any]):
    """A face of a person in a collection."""

    id = serializers.UUIDField(read_only=True, source="uuid")
    created_at = serializers.DateTimeField(read_only=True)
    subject = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True, allow_null=True)
    consent = serializers.CharField(read_only=True)
    quality = Rounded(
        SHARE_DIGITS, source="quality_score", allow_null=True, help_text="Null if the client sent the vector."
    )
    image_sha256 = serializers.CharField(read_only=True, help_text="Empty if the client sent the vector.")


class SightingSerializer(serializers.Serializer[Any]):
    """A face in a photo of a job that searched the collection: this person was a candidate for it."""

    analysis = serializers.UUIDField(source="search.face.analysis_id", read_only=True)
    face = serializers.IntegerField(source="search.face.index", read_only=True)
    similarity = Rounded(SIMILARITY_DIGITS, help_text="The cosine of the two vectors, from -1 to 1.")
    probability = Rounded(SHARE_DIGITS, help_text="That it is this person.")
    match = serializers.BooleanField(source="is_match", read_only=True, help_text="Whether the face got this name.")


class ExportedFaceSerializer(EnrolledFaceSerializer):
    """A face with everything that is stored with it, as in an export."""

    collection = serializers.UUIDField(source="collection_id", read_only=True)
    model_sha256 = serializers.CharField(source="collection.model_sha256", read_only=True)
    embedding = serializers.SerializerMethodField(help_text="The vector, which is stored sealed.")
    found_in = SightingSerializer(source="sightings", many=True, read_only=True)

    def get_embedding(self, face: EnrolledFace) -> list[float]:
        return rounded_vector(face.vector, face.place)


class MembershipSerializer(serializers.Serializer[Any]):
    """The group of unknown faces of a collection that a face is in."""

    collection = serializers.UUIDField(source="collection_id", read_only=True)
    group = serializers.UUIDField(source="group_id", read_only=True)


class NegativeSerializer(serializers.Serializer[Any]):
    """Someone said that the face is not of this group or, if that has a name by now, not this subject."""

    collection = serializers.UUIDField(source="collection_id", read_only=True)
    group = serializers.UUIDField(source="group_id", read_only=True, allow_null=True)
    subject = serializers.CharField(read_only=True, help_text="Empty while the group has no name.")


class ExportedNegativeSerializer(serializers.Serializer[Any]):
    """A face of an analysis of which someone said that it is not the subject."""

    collection = serializers.UUIDField(source="collection_id", read_only=True)
    analysis = serializers.UUIDField(source="vector.face.analysis_id", read_only=True)
    face = serializers.IntegerField(source="vector.face.index", read_only=True)


class ExportedVectorSerializer(serializers.Serializer[Any]):
    """The vector that was kept of a face of an analysis, with the face's groups, as in an export."""

    face = serializers.IntegerField(source="face.index", read_only=True)
    model_sha256 = serializers.CharField(read_only=True)
    doubts = serializers.ListField(child=serializers.ChoiceField(choices=list(Doubt)), read_only=True, allow_null=True)
    groups = MembershipSerializer(source="grouped", many=True, read_only=True)
    not_this_person = NegativeSerializer(source="negatives", many=True, read_only=True)
    embedding = serializers.SerializerMethodField(help_text="The vector, which is stored sealed.")

    def get_embedding(self, row: FaceVector) -> list[float]:
        return rounded_vector(row.vector, face_place(row.pk))


def rounded_vector(sealed: bytes | memoryview, place: str) -> list[float]:
    """Raises Unreadable."""
    return [round(value, VECTOR_DIGITS) for value in unseal_vector(sealed, place).tolist()]


class EnrolledSerializer(serializers.Serializer[Any]):
    """What was enrolled, in the order in which it was sent."""

    faces = EnrolledFaceSerializer(many=True, read_only=True)


class SubjectSerializer(serializers.Serializer[Any]):
    """A person in a collection."""

    subject = serializers.CharField(read_only=True)
    faces = serializers.IntegerField(read_only=True, source="face_count")
    first_enrolled_at = serializers.DateTimeField(read_only=True)
    last_enrolled_at = serializers.DateTimeField(read_only=True)


class CandidateSerializer(serializers.Serializer[Any]):
    """A person whose most similar face reaches the threshold."""

    subject = serializers.CharField(read_only=True)
    face = serializers.UUIDField(read_only=True, help_text="The most similar face that is enrolled of this person.")
    similarity = Rounded(SIMILARITY_DIGITS, help_text="The cosine of the two vectors, from -1 to 1.")
    probability = serializers.SerializerMethodField(
        help_text="That it is this person, if half of all searches were for someone enrolled, each as likely."
    )

    def get_probability(self, candidate: Candidate) -> float:
        return round(float(self.context["probability"](candidate.similarity)), SHARE_DIGITS)


class SearchedFaceSerializer(serializers.Serializer[Any]):
    """A face of the image, and who it is."""

    face = DetectedFaceSerializer(read_only=True)
    unknown = serializers.SerializerMethodField(help_text="Whether the face has no name: no `match`.")
    match = CandidateSerializer(
        read_only=True,
        allow_null=True,
        help_text="The person that the face is given to; no other face of the image is.",
    )
    candidates = CandidateSerializer(many=True, read_only=True, help_text="The most similar first.")
    doubts = serializers.ListField(
        child=serializers.ChoiceField(choices=list(Doubt)), read_only=True, help_text="Why the face gets no name."
    )

    def get_unknown(self, searched: Searched) -> bool:
        return searched.match is None


class SearchSerializer(serializers.Serializer[Any]):
    """Who is in an image."""

    collection = serializers.UUIDField(read_only=True)
    image = ImageSerializer(read_only=True)
    fmr = serializers.FloatField(read_only=True, help_text="The share of strangers who are taken for anyone.")
    enrolled = serializers.IntegerField(read_only=True, help_text="How many faces were compared with each.")
    threshold = Rounded(SIMILARITY_DIGITS, help_text="The similarity that a candidate needs.")
    faces = SearchedFaceSerializer(many=True, read_only=True, help_text="The largest first.")


class VerificationSerializer(serializers.Serializer[Any]):
    """Whether a face is that of a person."""

    collection = serializers.UUIDField(read_only=True)
    subject = serializers.CharField(read_only=True)
    face = DetectedFaceSerializer(read_only=True)
    enrolled_face = serializers.UUIDField(read_only=True, help_text="The most similar face of the person.")
    similarity = Rounded(SIMILARITY_DIGITS, help_text="The cosine of the two vectors, from -1 to 1.")
    probability = Rounded(SHARE_DIGITS, help_text="That it is this person, if half of all who ask are.")
    doubts = serializers.ListField(
        child=serializers.ChoiceField(choices=list(Doubt)), read_only=True, help_text="Why `same` is unknown."
    )
    same = serializers.BooleanField(
        read_only=True,
        allow_null=True,
        help_text="Whether the similarity reaches the threshold; null, unknown, if there is a doubt about the face.",
    )
    fmr = serializers.FloatField(read_only=True, help_text="The share of different people who are taken for the same.")
    threshold = Rounded(SIMILARITY_DIGITS)
