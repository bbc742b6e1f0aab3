"""The answers about videos: a job's progress, and the people of the video once it has been read."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import Rounded
from api.serializers.analyses import FaceSerializer, ResultSerializer
from api.serializers.jobs import ItemErrorSerializer
from cv.choices import JobState
from cv.engine.outputs import all_outputs
from cv.engine.video.types import RATE_RANGE
from cv.jobs.video_results import readable_stills
from cv.models import Analysis, Track
from cv.models.videos import SHARE_DIGITS, TIME_DIGITS, moment_labels

_NUMBERS = {"type": "array", "items": {"type": "number"}}
_ROWS = {"type": "array", "items": _NUMBERS}
_SHARES = {
    "type": "object",
    "properties": {output.name: _ROWS for output in all_outputs() if output.momentary},
    "additionalProperties": _ROWS,
}


class StillSerializer(serializers.Serializer[Any]):
    """A kept still: `sharpest`, `frontal`, or the label whose moment it is."""

    kind = serializers.CharField(source="*", read_only=True)
    at = Rounded(TIME_DIGITS)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return {"kind": instance["kind"], "at": instance["at"]}


class MomentsSerializer(serializers.Serializer[Any]):
    """Lists of the same length. If a person is seen for long, a moment is the mean of neighbouring frames."""

    at = serializers.SerializerMethodField(help_text="Seconds from the start.")
    boxes = serializers.SerializerMethodField(help_text="x, y, width and height in pixels of the upright frame.")
    labels = serializers.SerializerMethodField(help_text="The labels of each attribute, in the order of its shares.")
    shares = serializers.SerializerMethodField(help_text="For each attribute that changes, its probabilities.")

    @extend_schema_field(_NUMBERS)
    def get_at(self, track: Track) -> list[float]:
        return list(track.moments["at"])

    @extend_schema_field(_ROWS)
    def get_boxes(self, track: Track) -> list[list[float]]:
        return list(track.moments["boxes"])

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}})
    def get_labels(self, track: Track) -> dict[str, list[str]]:
        return {name: list(moment_labels(name)) for name in self.get_shares(track)}

    @extend_schema_field(_SHARES)
    def get_shares(self, track: Track) -> dict[str, list[list[float]]]:
        allowed = self.context.get("attributes")
        shares: dict[str, list[list[float]]] = track.moments["shares"]
        return {name: rows for name, rows in shares.items() if allowed is None or name in allowed}


class TrackSerializer(serializers.Serializer[Any]):
    """A face followed through a scene. ``face`` has one answer for all frames, and the place and quality of its best
    one, at ``best_at``; ``person`` is the same for tracks of one person, where the faces' vectors are kept."""

    face = FaceSerializer(read_only=True)
    person = serializers.IntegerField(allow_null=True, read_only=True)
    scene = serializers.IntegerField(read_only=True)
    first_at = Rounded(TIME_DIGITS)
    last_at = Rounded(TIME_DIGITS)
    best_at = Rounded(TIME_DIGITS)
    frames = serializers.IntegerField(read_only=True, help_text="In how many frames the face was seen.")
    stills = serializers.SerializerMethodField()
    moments = MomentsSerializer(source="*", read_only=True)

    @extend_schema_field(StillSerializer(many=True))
    def get_stills(self, track: Track) -> Any:
        return StillSerializer(readable_stills(track, self.context["attributes"]), many=True).data


class VideoBodySerializer(serializers.Serializer[Any]):
    """What a video's analysis has beside one of a photo."""

    seconds = Rounded(TIME_DIGITS, source="video.seconds", help_text="How long it is.")
    frames = serializers.IntegerField(source="video.frames", read_only=True, help_text="How many were looked at.")
    rate = serializers.FloatField(source="video.rate", min_value=RATE_RANGE[0], max_value=RATE_RANGE[1], read_only=True)
    scenes = serializers.ListField(
        source="video.scenes", child=serializers.FloatField(), read_only=True, help_text="When each starts."
    )
    storyboard = serializers.SerializerMethodField(help_text="The times of the kept frames.")
    people = serializers.SerializerMethodField(help_text="Those seen longest first.")

    @extend_schema_field(_NUMBERS)
    def get_storyboard(self, analysis: Analysis) -> list[float]:
        return [still["at"] for still in analysis.video.storyboard]

    @extend_schema_field(TrackSerializer(many=True))
    def get_people(self, analysis: Analysis) -> Any:
        tracks = [face.track for face in analysis.faces.all()]
        return TrackSerializer(tracks, many=True, context=self.context).data


class VideoResultSerializer(VideoBodySerializer):
    analysis = serializers.UUIDField(source="pk", read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    image = ResultSerializer._declared_fields["image"]
    model = ResultSerializer._declared_fields["model"]
    models = ResultSerializer._declared_fields["models"]
    timing_ms = ResultSerializer._declared_fields["timing_ms"]


class VideoSerializer(serializers.Serializer[Any]):
    """A video's job; ``result`` is null until the video has been read, and if its analysis was deleted."""

    id = serializers.UUIDField(source="job.pk", read_only=True)
    state = serializers.ChoiceField(source="job.state", choices=JobState.choices, read_only=True)
    name = serializers.CharField(source="job.name", read_only=True)
    created_at = serializers.DateTimeField(source="job.created_at", read_only=True)
    finished_at = serializers.DateTimeField(source="job.finished_at", allow_null=True, read_only=True)
    progress = Rounded(SHARE_DIGITS, help_text="How much of the video has been read, from 0 to 1.")
    error = serializers.SerializerMethodField(help_text="Why the video could not be read.")
    result = serializers.SerializerMethodField()

    @extend_schema_field(ItemErrorSerializer(allow_null=True))
    def get_error(self, status: Any) -> dict[str, Any] | None:
        return ItemErrorSerializer(status.item).data if status.item and status.item.error_code else None

    @extend_schema_field(VideoResultSerializer(allow_null=True))
    def get_result(self, status: Any) -> Any:
        return VideoResultSerializer(status.analysis, context=self.context).data if status.analysis else None
