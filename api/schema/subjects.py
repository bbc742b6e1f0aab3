"""The schema of exports, erasures and the keys that receipts are verified with."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer

from api.inputs import EraseInput, ExportInput, NamedEraseInput, NamedExportInput
from api.schema import examples
from api.schema.parts import BODY, IDEMPOTENCY_KEY, REMEMBERED, answer, errors, sent
from api.serializers import ErasureReceiptSerializer, ReceiptKeySerializer, SubjectExportSerializer

SUBJECT: Final = OpenApiParameter(
    "subject",
    {"type": "string", "minLength": 1, "maxLength": 200},
    OpenApiParameter.PATH,
    description="The name given in `store.subject`, percent-encoded.",
)
SUBJECT_EXPORT: Final[dict[str, Any]] = {
    "operation_id": "subject_export",
    "summary": "Export everything stored about a subject",
    "description": "As JSON with pictures in base64, or with `format=zip` as a ZIP with pictures as files. "
    "Scope `read`.",
    "parameters": [SUBJECT, ExportInput],
    "responses": {
        (200, "application/json"): answer(
            SubjectExportSerializer, examples.EXPORT, "Everything stored about the subject."
        ),
        (200, "application/zip"): OpenApiResponse(
            OpenApiTypes.BINARY, description="Everything stored about the subject."
        ),
        **errors("not_found", "storage_unavailable", "vectors_unreadable"),
    },
}
SUBJECT_ERASE: Final[dict[str, Any]] = {
    "operation_id": "subject_erase",
    "summary": "Erase everything stored about a subject",
    "description": "Deletes analyses, faces, pictures, jobs and remembered answers. The answer is a signed receipt "
    "without names. Scope `erase`.",
    "parameters": [SUBJECT, IDEMPOTENCY_KEY],
    "request": {"application/json": EraseInput},
    "responses": {
        200: answer(ErasureReceiptSerializer, examples.RECEIPT, "Erased."),
        **errors("not_found", "storage_unavailable", *BODY, *REMEMBERED),
    },
    "examples": [sent("Your own", {})],
}
NAMED_SUBJECT_EXPORT: Final[dict[str, Any]] = {
    "operation_id": "named_subject_export",
    "summary": "All that you hold about a subject that the body names",
    "description": "For names that no address can hold, such as one with a line break that was stored before those "
    "were refused. Scope `read`.",
    "request": {"application/json": NamedExportInput},
    "responses": {
        **SUBJECT_EXPORT["responses"],
        **errors("not_found", "storage_unavailable", "vectors_unreadable", *BODY),
    },
    "examples": [sent("Your own", {"subject": "visitor 17"})],
}
NAMED_SUBJECT_ERASE: Final[dict[str, Any]] = {
    **SUBJECT_ERASE,
    "operation_id": "named_subject_erase",
    "summary": "Erase all that you hold about a subject that the body names",
    "description": "For names that no address can hold, such as one with a line break that was stored before those "
    "were refused. Scope `erase`.",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"application/json": NamedEraseInput},
    "examples": [sent("Your own", {"subject": "visitor 17"})],
}
RECEIPT_KEYS: Final[dict[str, Any]] = {
    "operation_id": "receipt_key_list",
    "summary": "List the public keys that verify receipts of erasure",
    "description": "Needs no key.",
    "auth": [],
    "responses": {
        200: answer(
            inline_serializer("ReceiptKeyList", {"results": ReceiptKeySerializer(many=True)}),
            {"results": [examples.RECEIPT_KEY]},
            "The keys.",
        ),
        **errors(),
    },
}
