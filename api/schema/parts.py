"""Errors, headers and pages that every endpoint of the schema shares."""

from collections import defaultdict
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from api.exceptions import STATUS_OF_CODE
from api.serializers import ErrorSerializer

# Code → message and field of its example.
EXAMPLES: Final[dict[str, tuple[str, str | None]]] = {
    "invalid_request": ("unknown field; known fields: max_faces, min_face_px", "colour"),
    "empty_job": ("the job contains no image", "job"),
    "ambiguous_image_source": ("send either `image` or `url`, not both", "image"),
    "unauthenticated": ("Authorization: send an API key as `Bearer KEY`, or log in", None),
    "forbidden": ("this API key lacks the scope `admin`", None),
    "identity_off": ("this server does not compare faces: its operator has not turned identity on", None),
    "not_found": ("no analysis has this id", None),
    "idempotency_conflict": ("the first request with this key is still in progress", "Idempotency-Key"),
    "idempotency_mismatch": ("this key was used with a different request; use a new key", "Idempotency-Key"),
    "job_conflict": ("a job that is done cannot be paused", "state"),
    "too_many_items": ("a job has at most 100,000 images", "job"),
    "archive_too_large": ("the archive unpacks to more than 8,589,934,592 bytes", "archive"),
    "archive_encrypted": ("the archive is encrypted; send it without a password", "archive"),
    "archive_unreadable": ("the archive is truncated or damaged", "archive"),
    "folder_forbidden": ("the operator of this server has not allowed this folder", "folder"),
    "image_too_large": ("the image has 20000 × 20000 pixels; the limit is 65,000,000 in all", "image"),
    "image_too_expensive": ("the image took longer than one image may", "image"),
    "unsupported_media_type": ("not a JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF or HEIC image", "image"),
    "undecodable_image": ("the image cannot be decoded: image file is truncated", "image"),
    "video_too_large": ("the video has 2,147,483,648 bytes; the limit is 1,073,741,824", "video"),
    "video_too_long": ("the video lasts 7,200 s; the limit is 3,600 s", None),
    "video_too_expensive": ("the video takes more than 3,600 s", None),
    "undecodable_video": ("the video ends after 12 of 60 s", None),
    "no_frames": ("this file has no moving picture", None),
    "no_person": ("nobody was found in this photo", "image"),
    "format_unavailable": ("WEBP holds at most 16,383 pixels a side, and this picture has 20,000", "format"),
    "no_face": ("no face was found in this image", "second"),
    "too_many_faces": ("this image has more than 20 faces", "second"),
    "other_model": ("this vector is of another model than the one in service", "first"),
    "several_faces": ("the image has 3 faces; say which one in `face`, 0 is the largest", "face"),
    "low_quality": ("the quality of this face is 0.12, below 0.2 (blurred); use a better photo", "image"),
    "doubtful_faces": (
        "every face of this group is in doubt (child); to enrol them all the same, accept it",
        "accept",
    ),
    "far_from_subject": ("this face is far from the subject's others: similarity 0.113", "subject"),
    "belongs_to_another": ("this face belongs to another subject: similarity 0.713", "subject"),
    "already_enrolled": ("this face of the subject is enrolled already", "subject"),
    "too_many_to_group": ("at most 10,000 faces can be grouped; name groups, or choose a job", "job"),
    "groups_changed": ("the collection or its groups changed meanwhile; try again", "collection"),
    "not_in_group": ("the group does not have these faces", "faces"),
    "enrolment_too_large": ("one enrolment has at most 10,000 faces, not 10,001", "faces"),
    "collection_too_large": (
        "2,200,000 faces in one collection take 1,091 MiB of memory to search; this server allows 1,024 "
        "(XCLOUD_SEARCH_MEMORY_BYTES)",
        None,
    ),
    "empty_collection": ("the collection is empty; enrol faces first", "collection"),
    "index_behind": ("the search index of this collection is being built; try again", None),
    "search_unavailable": ("Milvus does not answer; try again", None),
    "vectors_unreadable": ("the vectors of this collection were sealed with another SECRET_KEY", None),
    "url_forbidden": ("the host is not on the public internet", "url"),
    "url_fetch_failed": ("the server answered 404", "url"),
    "rate_limited": ("Request was throttled. Expected available in 31 seconds.", None),
    "internal_error": ("the server failed; its log has the reason under this request_id", None),
    "overloaded": ("too many images are in progress; try again later", None),
    "model_not_ready": ("manifest.json cannot be read: No such file or directory", None),
    "storage_unavailable": ("the storage of kept files does not answer; try again", None),
    "database_unavailable": ("the database does not answer or cannot be written; try again", None),
    "limits_unavailable": ("the store that counts requests does not answer; try again", None),
}
MEANING: Final = {
    400: "The request does not match this description; `details` names the field.",
    401: "The key or login is missing or not valid.",
    403: "The key or login lacks a scope or an attribute, a login came without its CSRF token, or the operator has not "
    "turned identity on.",
    404: "Does not exist, or belongs to another caller; `message` says what is missing.",
    409: "The first request with this `Idempotency-Key` is in progress, or a job's state does not allow this.",
    413: "More bytes, pixels or images than the server accepts.",
    415: "Not an image in a supported format, or a body of an unsupported type.",
    422: "An image or archive that cannot be read or costs too much, a URL or folder that is not allowed or cannot be "
    "read, faces that cannot be compared, or an `Idempotency-Key` that was used with a different request.",
    429: "The rate limit is reached; `Retry-After` says when to send the next request.",
    500: "The server failed; its log has the reason under `request_id`.",
    503: "The server is busy, or something that it needs is not available; `Retry-After` says when to try again.",
}
ALWAYS: Final = (
    "unauthenticated",
    "forbidden",
    "rate_limited",
    "invalid_request",
    "internal_error",
    "overloaded",
    "database_unavailable",
    "limits_unavailable",
)
IMAGE: Final = (
    "ambiguous_image_source",
    "image_too_large",
    "unsupported_media_type",
    "undecodable_image",
    "image_too_expensive",
    "url_forbidden",
    "url_fetch_failed",
    "model_not_ready",
)
# The errors of all endpoints with a body that come before the fields are checked.
BODY: Final = ("unsupported_media_type", "image_too_large")
REMEMBERED: Final = ("idempotency_conflict", "idempotency_mismatch")

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="Up to 255 visible ASCII characters, new for each request. If you repeat a request with the same "
    "key and content within 24 hours, it is not executed again and you get the first answer.",
)

REQUEST_ID: Final = OpenApiParameter(
    "X-Request-ID",
    {"type": "string"},
    OpenApiParameter.HEADER,
    description="Your own id of this request: up to 64 letters, digits, dots, hyphens and underscores. It is in the "
    "answer and in the server's log.",
)


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key created with `manage.py create_api_key NAME`.",
        }


def errors(*codes: str) -> dict[int, OpenApiResponse]:
    """The error answers of an endpoint, with an example for each code, and those that all endpoints share."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in sorted({*codes, *ALWAYS}):
        by_status[STATUS_OF_CODE[code]].append(code)
    return {
        status: OpenApiResponse(
            ErrorSerializer, description=MEANING[status], examples=[_example(code) for code in by_status[status]]
        )
        for status in sorted(by_status)
    }


def _example(code: str) -> OpenApiExample:
    text, field = EXAMPLES[code]
    message = f"{field}: {text}" if field else text
    details = {field: [text]} if field else {}
    body = {"error": {"code": code, "message": message, "details": details}, "request_id": "5b0c8e0d6f"}
    return OpenApiExample(code, value=body)


def answer(serializer: Any, example: Any, description: str) -> OpenApiResponse:
    return OpenApiResponse(serializer, description=description, examples=[OpenApiExample("answer", value=example)])


def page_of(name: str, serializer: type[serializers.Serializer[Any]], example: Any) -> OpenApiResponse:
    """A page of a list, with one row as its example."""
    shape = inline_serializer(
        name,
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": serializer(many=True),
        },
    )
    return answer(
        shape, {"next": None, "previous": None, "results": [example]}, "A page; `next` is the URL of the following one."
    )


def sent(name: str, value: Any) -> OpenApiExample:
    """An example of a request's body."""
    return OpenApiExample(name, value=value, request_only=True, media_type="application/json")
