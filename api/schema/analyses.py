"""The schema of analyses and detections."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from api.inputs import AnalysisInput, DetectionInput, LinkInput, ListInput, NothingInput
from api.schema import examples
from api.schema.parts import BODY, IDEMPOTENCY_KEY, IMAGE, REMEMBERED, REQUEST_ID, answer, errors, page_of, sent
from api.serializers import AnalysisSerializer, DetectionsSerializer, ResultSerializer

TEXT_HELP: Final = "Base64 (standard or URL-safe alphabet) or a data URI."
URL_HELP: Final = "An http(s) URL on the public internet."


class JsonAnalysisInput(AnalysisInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.CharField(required=False, help_text=TEXT_HELP)
    url = serializers.URLField(required=False, help_text=URL_HELP)


class FormAnalysisInput(AnalysisInput):
    """Exactly one of ``image`` and ``url``. ``store`` is a JSON object, or fields ``store.image``…"""

    image = serializers.FileField(required=False, help_text="The image file, or base64 text.")
    url = serializers.URLField(required=False, help_text=URL_HELP)


class JsonPreviewInput(NothingInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.CharField(required=False, help_text=TEXT_HELP)
    url = serializers.URLField(required=False, help_text=URL_HELP)


class FormPreviewInput(NothingInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.FileField(required=False, help_text="The image file, or base64 text.")
    url = serializers.URLField(required=False, help_text=URL_HELP)


class JsonDetectionInput(DetectionInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.CharField(required=False, help_text=TEXT_HELP)
    url = serializers.URLField(required=False, help_text=URL_HELP)


class FormDetectionInput(DetectionInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.FileField(required=False, help_text="The image file, or base64 text.")
    url = serializers.URLField(required=False, help_text=URL_HELP)


ANALYSIS_CREATE: Final[dict[str, Any]] = {
    "operation_id": "analysis_create",
    "summary": "Analyze one image",
    "description": "Finds every face, the largest first. An image without a face is a 201 with empty `faces`. "
    "With `store.result` false nothing is kept: no row, no audit event, no webhook, and no answer for an "
    "`Idempotency-Key`. The answer is then a 200 without `id` and `created_at`. Scope `analyse`.",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"multipart/form-data": FormAnalysisInput, "application/json": JsonAnalysisInput},
    "responses": {
        200: answer(ResultSerializer, examples.RESULT, "The image was analyzed, and nothing is kept."),
        201: answer(AnalysisSerializer, examples.ANALYSIS, "The image was analyzed."),
        **errors("storage_unavailable", *IMAGE, *REMEMBERED),
    },
    "examples": [
        sent(
            "Base64 with options",
            {
                "image": examples.PORTRAIT,
                "attributes": ["age", "gender"],
                "max_faces": 5,
                "store": {"image": False, "ttl_days": 30, "subject": "visitor 17"},
            },
        ),
        sent("Points and head pose", {"image": examples.PORTRAIT, "attributes": ["points", "pose", "openness"]}),
        sent("A URL", {"url": "https://example.org/photo.jpg"}),
        sent("Traits beside the age", {"url": "https://example.org/photo.jpg", "attributes": ["age", "traits"]}),
        sent("Answered, and nothing kept", {"url": "https://example.org/photo.jpg", "store": {"result": False}}),
    ],
}
ANALYSIS_LIST: Final[dict[str, Any]] = {
    "operation_id": "analysis_list",
    "summary": "List your analyses, newest first",
    "description": "If you combine filters about a face, a single face must match all. Scope `read`.",
    "parameters": [ListInput],
    "responses": {200: page_of("AnalysisPage", AnalysisSerializer, examples.ANALYSIS), **errors()},
    "filters": False,
}
ANALYSIS_READ: Final[dict[str, Any]] = {
    "operation_id": "analysis_read",
    "summary": "Read one of your analyses",
    "description": "With the last `ETag` in `If-None-Match`, an unchanged analysis is a 304. Scope `read`.",
    "parameters": [LinkInput],
    "responses": {
        200: answer(AnalysisSerializer, examples.ANALYSIS, "The analysis."),
        304: OpenApiResponse(description="Unchanged since it had this `ETag`."),
        **errors("not_found"),
    },
}
ANALYSIS_DELETE: Final[dict[str, Any]] = {
    "operation_id": "analysis_delete",
    "summary": "Delete an analysis, its faces and its picture",
    "description": "Scope `erase`.",
    "responses": {204: OpenApiResponse(description="Deleted."), **errors("not_found", "storage_unavailable")},
}
REANALYSE: Final[dict[str, Any]] = {
    "operation_id": "analysis_reanalyse",
    "summary": "Analyze the kept picture again with the model in service",
    "description": "The analysis keeps its id; faces, model and timing are new. Needs a kept picture (`store.image`). "
    "Scope `analyse`.",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"application/json": NothingInput},
    "responses": {
        200: answer(AnalysisSerializer, examples.ANALYSIS, "The new analysis."),
        **errors(
            "not_found",
            "model_not_ready",
            "storage_unavailable",
            "undecodable_image",
            "image_too_expensive",
            *BODY,
            *REMEMBERED,
        ),
    },
    "examples": [sent("An empty object", {})],
}
PICTURE_READ: Final[dict[str, Any]] = {
    "operation_id": "analysis_picture_read",
    "summary": "Read the picture, if `store.image` kept it",
    "description": "The picture has no EXIF, GPS position, comments or thumbnails. Scope `read`.",
    "parameters": [LinkInput],
    "responses": {
        (200, "image/*"): OpenApiResponse(OpenApiTypes.BINARY, description="The picture."),
        **errors("not_found", "storage_unavailable"),
    },
}
CHIP_READ: Final[dict[str, Any]] = {
    "operation_id": "face_chip_read",
    "summary": "Read the small picture of a face, if `store.chips` kept it",
    "description": "96 × 96 pixels, upright. At most the 100 largest faces of an analysis have one. Scope `read`.",
    "parameters": [LinkInput],
    "responses": {
        (200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, description="The face."),
        **errors("not_found", "vectors_unreadable"),
    },
}
DETECTION_CREATE: Final[dict[str, Any]] = {
    "operation_id": "detection_create",
    "summary": "Find faces without estimating attributes",
    "description": "Boxes, landmarks and quality only. No attribute is computed and nothing is stored. "
    "Not even an answer for an `Idempotency-Key` is kept: sent again, it is done again. Scope `analyse`.",
    "parameters": [REQUEST_ID],
    "request": {"multipart/form-data": FormDetectionInput, "application/json": JsonDetectionInput},
    "responses": {
        200: answer(DetectionsSerializer, examples.DETECTIONS, "The faces found."),
        **errors(*IMAGE),
    },
    "examples": [sent("Base64", {"image": examples.PORTRAIT, "min_face_px": 20})],
}
PREVIEW_CREATE: Final[dict[str, Any]] = {
    "operation_id": "preview_create",
    "summary": "Turn one image into a JPEG that every browser can show",
    "description": "For HEIC, TIFF and other formats: upright, at most 1600 pixels on the longer side, without "
    "metadata. Nothing is stored and no face is looked for. Scope `analyse`.",
    "parameters": [REQUEST_ID],
    "request": {"multipart/form-data": FormPreviewInput, "application/json": JsonPreviewInput},
    "responses": {
        (200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, description="The preview."),
        **errors(*IMAGE),
    },
    "examples": [sent("Base64", {"image": examples.PORTRAIT})],
}
