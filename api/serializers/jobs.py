"""The answers about jobs and their items."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import OutputName, Rounded
from api.serializers.analyses import SHARE_DIGITS, AnalysisSerializer
from api.serializers.collections import SIMILARITY_DIGITS
from cv.choices import ItemState, JobSource, JobState
from cv.engine.outputs import EMBEDDING
from cv.identity.faces import Doubt
from cv.jobs.progress import JobStatus
from cv.jobs.results import analysis_of
from cv.models import FaceSearch, Job, JobItem


class JobStoreSerializer(serializers.Serializer[Any]):
    image = serializers.BooleanField(source="store_image", read_only=True)
    chips = serializers.BooleanField(source="store_chips", read_only=True)
    ttl_days = serializers.IntegerField(source="store_ttl_days", allow_null=True, read_only=True)
    subject = serializers.CharField(read_only=True)
    vectors = serializers.SerializerMethodField(help_text="Whether the vectors of faces are kept.")

    def get_vectors(self, job: Job) -> bool:
        return EMBEDDING.name in job.asked_attributes


class JobOptionsSerializer(serializers.Serializer[Any]):
    attributes = serializers.SerializerMethodField()
    max_faces = serializers.IntegerField(read_only=True)
    min_face_px = serializers.IntegerField(read_only=True)
    store = JobStoreSerializer(source="*", read_only=True)
    search = serializers.UUIDField(
        source="search_collection", allow_null=True, read_only=True, help_text="The collection that is searched."
    )

    @extend_schema_field(serializers.ListField(child=OutputName()))
    def get_attributes(self, job: Job) -> list[str]:
        return [name for name in job.asked_attributes if name != EMBEDDING.name]


class JobCountsSerializer(serializers.Serializer[Any]):
    """How many images are in each state."""

    pending = serializers.IntegerField(read_only=True)
    running = serializers.IntegerField(read_only=True)
    done = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    cancelled = serializers.IntegerField(read_only=True)


class ItemErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="error_code", read_only=True)
    message = serializers.CharField(source="error_message", read_only=True)


class JobSerializer(serializers.Serializer[Any]):
    """A job and its progress: a ``JobStatus``."""

    id = serializers.UUIDField(source="job.pk", read_only=True)
    state = serializers.ChoiceField(source="job.state", choices=JobState.choices, read_only=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        source="job.source", choices=JobSource.choices, read_only=True
    )
    name = serializers.CharField(
        source="job.name", read_only=True, help_text="The archive's file name; empty for other sources."
    )
    priority = serializers.IntegerField(source="job.priority", read_only=True)
    created_at = serializers.DateTimeField(source="job.created_at", read_only=True)
    started_at = serializers.DateTimeField(source="job.started_at", allow_null=True, read_only=True)
    finished_at = serializers.DateTimeField(source="job.finished_at", allow_null=True, read_only=True)
    images = serializers.IntegerField(
        source="job.item_count", read_only=True, help_text="While an archive is listed, those found so far."
    )
    counts = JobCountsSerializer(read_only=True)
    images_per_second = Rounded(
        2, allow_null=True, help_text="Over the last minute, or over the whole job if it has ended."
    )
    seconds_left = Rounded(0, allow_null=True, help_text="At the current rate; null if unknown.")
    error = serializers.SerializerMethodField(help_text="Why the whole job failed, for example a damaged archive.")
    options = JobOptionsSerializer(source="job", read_only=True)

    @extend_schema_field(ItemErrorSerializer(allow_null=True))
    def get_error(self, status: JobStatus) -> dict[str, Any] | None:
        return ItemErrorSerializer(status.job).data if status.job.error_code else None


class JobItemSerializer(serializers.Serializer[Any]):
    """One image of a job. ``analysis`` is null until the image is done, and if the analysis is deleted later."""

    index = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True, help_text="The client's name for it; for a URL, without its query.")
    state = serializers.ChoiceField(choices=ItemState.choices, read_only=True)
    error = serializers.SerializerMethodField()
    analysis = serializers.SerializerMethodField()
    finished_at = serializers.DateTimeField(allow_null=True, read_only=True)

    @extend_schema_field(ItemErrorSerializer(allow_null=True))
    def get_error(self, item: JobItem) -> dict[str, Any] | None:
        return ItemErrorSerializer(item).data if item.error_code else None

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_analysis(self, item: JobItem) -> str | None:
        row = analysis_of(item)
        return None if row is None else str(row.pk)


class FoundPersonSerializer(serializers.Serializer[Any]):
    """A person of the collection whom a face may be."""

    subject = serializers.CharField(source="enrolled.subject", read_only=True)
    face = serializers.UUIDField(
        source="enrolled.uuid", read_only=True, help_text="The most similar face that is enrolled of this person."
    )
    similarity = Rounded(SIMILARITY_DIGITS, help_text="The cosine of the two vectors, from -1 to 1.")
    probability = Rounded(SHARE_DIGITS, help_text="That it is this person, as in a search.")


class FoundFaceSerializer(serializers.Serializer[Any]):
    """A face of the image, by its index in the analysis, and who it is."""

    index = serializers.IntegerField(source="face.index", read_only=True)
    unknown = serializers.BooleanField(read_only=True, help_text="Whether the face has no name: no `match`.")
    match = FoundPersonSerializer(
        read_only=True, allow_null=True, help_text="No other face of the image has this name."
    )
    candidates = FoundPersonSerializer(many=True, read_only=True, help_text="The most similar first.")
    doubts = serializers.ListField(
        child=serializers.ChoiceField(choices=list(Doubt)), read_only=True, help_text="Why the face gets no name."
    )

    def to_representation(self, search: FaceSearch) -> dict[str, Any]:
        candidates = list(search.candidates.all())
        match = next((found for found in candidates if found.is_match), None)
        shown: dict[str, Any] = super().to_representation(
            {
                "face": search.face,
                "unknown": match is None,
                "match": match,
                "candidates": candidates,
                "doubts": search.doubts,
            }
        )
        return shown


class JobResultSerializer(JobItemSerializer):
    """A line of the results: an image of the job with its whole analysis, and who was found in it.

    ``found`` is null unless the job searches a collection and the caller may identify faces.
    """

    found = serializers.SerializerMethodField()

    @extend_schema_field(FoundFaceSerializer(many=True, allow_null=True))
    def get_found(self, item: JobItem) -> Any:
        row = analysis_of(item)
        if row is None or not self.context.get("people"):
            return None
        searches = [face.search for face in row.faces.all() if hasattr(face, "search")]
        return FoundFaceSerializer(searches, many=True).data

    @extend_schema_field(AnalysisSerializer(allow_null=True))
    def get_analysis(self, item: JobItem) -> Any:
        row = analysis_of(item)
        return None if row is None else AnalysisSerializer(row, context=self.context).data
