"""The schema of videos."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from api.inputs import VideoInput, VideoResultInput
from api.schema.parts import BODY, IDEMPOTENCY_KEY, REMEMBERED, answer, errors
from api.schema.video_examples import VIDEO, VIDEO_JOB
from api.serializers import JobSerializer, VideoSerializer


class FormVideoInput(VideoInput):
    """``store`` is a JSON object, or fields ``store.image``…"""

    video = serializers.FileField(help_text="An MP4, a MOV, a WebM or a GIF.")


VIDEO_CREATE: Final[dict[str, Any]] = {
    "operation_id": "video_create",
    "summary": "Find the people of a video in the background",
    "description": "Frames are sampled by time and where a scene starts, faces are followed, and each person gets one "
    "answer and a timeline. The answer is a job, whose id is also the video's. The video is deleted from this server "
    "when it has been read; with `store.image` stills and small frames are kept. Scope `analyse`.",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"multipart/form-data": FormVideoInput},
    "responses": {
        202: answer(JobSerializer, VIDEO_JOB, "The job was created; what is wrong in the video is its error."),
        **errors("video_too_large", "unsupported_media_type", "storage_unavailable", *BODY, *REMEMBERED),
    },
    "examples": [
        OpenApiExample(
            "With stills",
            value={"video": "(an MP4)", "rate": 5, "store": {"image": True, "ttl_days": 30}},
            request_only=True,
            media_type="multipart/form-data",
        )
    ],
}
VIDEO_READ: Final[dict[str, Any]] = {
    "operation_id": "video_read",
    "summary": "Read how far a video is, and its people",
    "description": "One answer for each person and a timeline of what changes. Intervals are those of one frame, "
    "narrowed by what averaging takes away. `format=csv` is the timeline, a row for each person and moment; the people "
    "as a table are the results of the job. Scope `read`.",
    "parameters": [VideoResultInput],
    "responses": {
        (200, "application/json"): answer(VideoSerializer, VIDEO, "The video."),
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="The timeline."),
        **errors("not_found"),
    },
}
FRAME_READ: Final[dict[str, Any]] = {
    "operation_id": "video_frame_read",
    "summary": "Get a kept frame of a video",
    "description": "`index` counts the times in `storyboard`. Scope `read`.",
    "responses": {
        (200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, description="The frame, at most 320 pixels a side."),
        **errors("not_found", "storage_unavailable"),
    },
}
STILL_READ: Final[dict[str, Any]] = {
    "operation_id": "video_still_read",
    "summary": "Get a kept still of a person",
    "description": "`kind` is one of the person's `stills`. Scope `read`.",
    "responses": {
        (200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, description="The still, at most 256 pixels a side."),
        **errors("not_found", "storage_unavailable"),
    },
}
