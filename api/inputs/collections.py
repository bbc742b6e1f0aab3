"""What a client sends about collections: names, faces to enrol, searches."""

from typing import Any, Final

from rest_framework import serializers

from api.inputs.analyses import DetectionInput
from api.inputs.names import NameField
from api.inputs.strict import PagingInput, StrictSerializer
from api.inputs.subjects import MAX_SUBJECT
from api.inputs.vectors import EmbeddingField, RateField
from cv.models.collections import MAX_CONSENT, MAX_NAME
from cv.services import NewFace, RefusalReason
from cv.trust.limits import MOST_DAYS

MAX_SEARCHED: Final = 100
MAX_CANDIDATES: Final = 20


class PersonField(NameField):
    """The subject of a face: it is one part of an address, so it has no slash."""

    default_error_messages = {"slash": "must have no slash"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_SUBJECT, help_text="Your own name for the person.", **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if "/" in name:
            self.fail("slash")
        return name


class TtlField(serializers.IntegerField):
    def __init__(self, help_text: str, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MOST_DAYS, allow_null=True, help_text=help_text, **kwargs)


class AcceptField(serializers.ListField):
    """What the client has looked at and overrules."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.ChoiceField(choices=list(RefusalReason))
        super().__init__(child=child, default=list, help_text="Refusals that you have checked and overrule.", **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return frozenset(RefusalReason(name) for name in super().to_internal_value(data))


class CollectionUpdateInput(StrictSerializer):
    """The fields of a collection that can be changed."""

    name = NameField(max_length=MAX_NAME)
    ttl_days = TtlField("Faces enrolled from now on are deleted after this many days; null means never.")


class CollectionInput(CollectionUpdateInput):
    """A new collection."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        fields["ttl_days"] = TtlField(fields["ttl_days"].help_text, default=None)
        return fields


class EnrolledInput(StrictSerializer):
    """What every enrolment says about its face."""

    subject = PersonField()
    consent = serializers.CharField(
        max_length=MAX_CONSENT,
        default="",
        allow_blank=True,
        help_text="Why this person may be enrolled, in your words: a consent, a contract.",
    )
    ttl_days = TtlField("Delete the face after this many days; default: as the collection says.", default=None)

    def said(self) -> dict[str, Any]:
        return {name: self.validated_data[name] for name in ("subject", "consent", "ttl_days")}


class EnrolInput(EnrolledInput):
    """A face to enrol from an image."""

    face = serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="Which face of the image, if it has several: its index in a detection with the same `min_face_px`.",
    )
    min_face_px = DetectionInput().fields["min_face_px"]
    accept = AcceptField()


class VectorInput(EnrolledInput):
    """A face to enrol by its vector."""

    embedding = EmbeddingField(help_text="A vector from `POST /embeddings`.")


class VectorsInput(StrictSerializer):
    """Faces to enrol by their vectors, all or none."""

    model = serializers.RegexField(
        r"^[0-9a-f]{64}\Z", help_text="The `sha256` of the model that made the vectors: the collection's."
    )
    faces = VectorInput(many=True, allow_empty=False)
    accept = AcceptField()

    def new_faces(self) -> list[NewFace]:
        return [
            NewFace(
                subject=face["subject"],
                vector=face["embedding"],
                consent=face["consent"],
                ttl_days=face["ttl_days"],
            )
            for face in self.validated_data["faces"]
        ]


class SearchInput(DetectionInput):
    """Which faces of an image to look for in a collection."""

    candidates = serializers.IntegerField(
        min_value=1, max_value=MAX_CANDIDATES, default=5, help_text="The most people to name for a face."
    )

    fmr = RateField(1e-3, "The share of strangers who may be taken for anyone in the collection.")
    max_faces = serializers.IntegerField(
        min_value=1,
        max_value=MAX_SEARCHED,
        default=MAX_SEARCHED,
        help_text=DetectionInput().fields["max_faces"].help_text,
    )


class VerifyInput(StrictSerializer):
    """Whether the face of an image is a subject's."""

    subject = PersonField()
    face = EnrolInput().fields["face"]
    min_face_px = DetectionInput().fields["min_face_px"]
    fmr = RateField(1e-4, "The share of different people who may be taken for the same.")


class FaceListInput(PagingInput):
    subject = serializers.CharField(required=False, max_length=MAX_SUBJECT)
