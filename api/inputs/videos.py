"""The inputs of a video, and the form of its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.forms import nested
from api.inputs.jobs import QueuedInput
from api.inputs.strict import FiniteFloatField, StrictSerializer
from cv.engine.types import AnalysisOptions
from cv.engine.video.types import DEFAULT_RATE, RATE_RANGE, VideoOptions
from cv.jobs.videos import VideoInputs
from cv.trust.caller import Caller


class VideoInput(QueuedInput):
    """How to look at a video, and what to store."""

    rate = FiniteFloatField(
        min_value=RATE_RANGE[0],
        max_value=RATE_RANGE[1],
        required=False,
        help_text=f"Frames looked at in a second of the video; default: {DEFAULT_RATE:g}.",
    )

    def validate_store(self, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("chips"):
            raise serializers.ValidationError({"chips": ["not of a video; `image` keeps stills of its people"]})
        return value

    def _keeps_chips(self) -> bool:
        """Never: the server's default is about photos."""
        return False

    def inputs(self, video: UploadedFile[Any]) -> VideoInputs:
        rate = self.validated_data.get("rate", DEFAULT_RATE)
        return VideoInputs(cast("IO[bytes]", video.file), rate, name=video.name or "")

    def analysis_options(self, caller: Caller) -> AnalysisOptions:
        """Raises PermissionDenied, InvalidOptions for an attribute that a video cannot have."""
        options = super().analysis_options(caller)
        VideoOptions(options.attributes)
        return options


class VideoResultInput(StrictSerializer):
    format = serializers.ChoiceField(
        choices=["json", "csv"], default="json", help_text="CSV has one row for each person and moment."
    )


def split_video(body: Mapping[str, Any]) -> tuple[UploadedFile[Any], dict[str, Any]]:
    """The video of a form, and all other fields. Raises ValidationError."""
    fields = nested(body) if isinstance(body, QueryDict) else dict(body)
    video = fields.pop("video", None)
    if not isinstance(video, UploadedFile):
        raise ValidationError({"video": ["missing; send an MP4, MOV, WebM or GIF as a file of a multipart form"]})
    return video, fields
