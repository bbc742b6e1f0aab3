"""What the OpenAPI schema says of each endpoint: bodies, answers, errors and examples."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, inline_serializer
from rest_framework import serializers

from api.inputs import ListInput, OptionsInput
from api.serializers import AnalysisSerializer, ErrorSerializer, ModelCardSerializer

EXAMPLE: Final = {
    "id": "0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11",
    "created_at": "2026-11-22T09:30:00.000000Z",
    "image": {
        "width": 512,
        "height": 512,
        "sha256": "88431cd9…",
    },
    "faces": [
        {
            "index": 0,
            "box": {"x": 176.4, "y": 63.2, "width": 92.1, "height": 118.7},
            "confidence": 0.9998,
            "landmarks": {
                "left_eye": [201.3, 112.8],
                "right_eye": [243.9, 109.6],
                "nose": [226.2, 134.1],
                "mouth_left": [208.8, 155.2],
                "mouth_right": [244.0, 152.7],
            },
            "quality": {"score": 0.91, "warnings": []},
            "attributes": {
                "age": {"value": 34.1, "interval": [26.0, 43.0]},
                "gender": {"label": "female", "probabilities": {"female": 0.98, "male": 0.02}},
                "race": {
                    "label": "white",
                    "probabilities": {"white": 0.91, "black": 0.01, "asian": 0.01, "indian": 0.02, "others": 0.05},
                },
                "expression": {
                    "label": "happiness",
                    "probabilities": {
                        "anger": 0.0,
                        "disgust": 0.0,
                        "fear": 0.01,
                        "happiness": 0.95,
                        "sadness": 0.01,
                        "surprise": 0.01,
                        "neutral": 0.02,
                    },
                },
                "beauty": {"value": 6.1, "scale": [1, 10], "interval": [4.9, 7.2]},
            },
        }
    ],
    "model": {
        "name": "faces",
        "version": "1",
        "sha256": "9f86d081…",
    },
    "timing_ms": {"decode": 6.1, "detect": 58.9, "attributes": 31.4, "total": 96.4},
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key made by `manage.py create_api_key NAME`."}


def error(code: str, when: str, field: str | None = None) -> OpenApiResponse:
    """The error envelope with an example of its own."""
    message = f"{field}: {when}" if field else when
    details = {field: [when]} if field else {}
    body = {"error": {"code": code, "message": message, "details": details}, "request_id": "5b0c8e0d6f"}
    return OpenApiResponse(ErrorSerializer, description=when, examples=[OpenApiExample(code, value=body)])


UNAUTHENTICATED: Final = {401: error("unauthenticated", "no key or login, or one that is not valid")}
FORBIDDEN: Final = {403: error("forbidden", "a login without its CSRF token")}
NOT_FOUND: Final = {404: error("not_found", "nothing here that belongs to the caller")}
NOT_READY: Final = {503: error("model_not_ready", "the model is missing, or the database is overloaded")}


class JsonAnalysisInput(OptionsInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.CharField(required=False, help_text="Base64 (standard or URL-safe) or a data URI.")
    url = serializers.URLField(required=False, help_text="An http(s) address; off unless the server allows it.")


class FormAnalysisInput(OptionsInput):
    """Exactly one of ``image`` and ``url``. ``store`` is a JSON object, or fields ``store.image``…"""

    image = serializers.FileField(required=False, help_text="The image file, or base64 text.")
    url = serializers.URLField(required=False)


ANALYSIS_CREATE: Final[dict[str, Any]] = {
    "operation_id": "analysis_create",
    "summary": "Analyse one image",
    "description": "Finds every face, the largest first. An image without a face is a 201 with an empty `faces`.",
    "request": {"application/json": JsonAnalysisInput, "multipart/form-data": FormAnalysisInput},
    "responses": {
        201: AnalysisSerializer,
        400: error("invalid_request", "not valid base64", "image"),
        **UNAUTHENTICATED,
        **FORBIDDEN,
        413: error("image_too_large", "more bytes or pixels than the server takes", "image"),
        415: error("unsupported_media_type", "not a JPEG, PNG, WebP, BMP, GIF, TIFF or HEIC image", "image"),
        422: error("undecodable_image", "the image cannot be decoded, or its address may not be fetched", "image"),
        **NOT_READY,
    },
    "examples": [
        OpenApiExample(
            "Base64 with options",
            value={
                "image": "data:image/jpeg;base64,/9j/4AAQSkZJRg…",
                "attributes": ["age", "gender"],
                "max_faces": 5,
                "store": {"image": False, "ttl_days": 30, "subject": "visitor 17"},
            },
            request_only=True,
            media_type="application/json",
        ),
        OpenApiExample("One face", value=EXAMPLE, response_only=True, status_codes=["201"]),
    ],
}
ANALYSIS_LIST: Final[dict[str, Any]] = {
    "operation_id": "analysis_list",
    "summary": "List your analyses, newest first",
    "parameters": [ListInput],
    "responses": {
        200: inline_serializer(
            "AnalysisPage",
            {
                "next": serializers.URLField(allow_null=True),
                "previous": serializers.URLField(allow_null=True),
                "results": AnalysisSerializer(many=True),
            },
        ),
        400: error("invalid_request", "unknown field", "colour"),
        **UNAUTHENTICATED,
    },
    "filters": False,
}
ANALYSIS_READ: Final[dict[str, Any]] = {
    "operation_id": "analysis_read",
    "summary": "Read one of your analyses",
    "responses": {200: AnalysisSerializer, **UNAUTHENTICATED, **NOT_FOUND},
    "examples": [OpenApiExample("One face", value=EXAMPLE, response_only=True, status_codes=["200"])],
}
ANALYSIS_DELETE: Final[dict[str, Any]] = {
    "operation_id": "analysis_delete",
    "summary": "Delete an analysis, its faces and its picture",
    "responses": {204: OpenApiResponse(description="Deleted."), **UNAUTHENTICATED, **FORBIDDEN, **NOT_FOUND},
}
PICTURE_READ: Final[dict[str, Any]] = {
    "operation_id": "analysis_picture_read",
    "summary": "The picture, where `store.image` kept it",
    "responses": {(200, "image/*"): OpenApiTypes.BINARY, **UNAUTHENTICATED, **NOT_FOUND},
}
MODEL_LIST: Final[dict[str, Any]] = {
    "operation_id": "model_list",
    "summary": "The models in service",
    "responses": {
        200: inline_serializer("ModelList", {"results": ModelCardSerializer(many=True)}),
        **UNAUTHENTICATED,
        **NOT_READY,
    },
}
MODEL_READ: Final[dict[str, Any]] = {
    "operation_id": "model_read",
    "summary": "One model's card",
    "responses": {200: ModelCardSerializer, **UNAUTHENTICATED, **NOT_FOUND, **NOT_READY},
}
