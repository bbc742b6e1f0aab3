"""The schema of comparisons, embeddings and of what this server says about identity."""

from typing import Any, Final

from rest_framework import serializers

from api.inputs import ComparisonInput, EmbeddingInput
from api.schema.analyses import TEXT_HELP, URL_HELP
from api.schema.examples import DETECTIONS, EMBEDDING_MODEL, PORTRAIT
from api.schema.parts import IMAGE, REQUEST_ID, answer, errors, sent
from api.serializers import ComparisonSerializer, EmbeddingsSerializer, IdentitySerializer

FACE: Final = {**DETECTIONS["faces"][0], "doubts": []}
THRESHOLD: Final = {"fmr": 0.0001, "similarity": 0.443}
SIDE: Final = {"image": DETECTIONS["image"], "faces": [FACE]}


class JsonEmbeddingInput(EmbeddingInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.CharField(required=False, help_text=TEXT_HELP)
    url = serializers.URLField(required=False, help_text=URL_HELP)


class FormEmbeddingInput(EmbeddingInput):
    """Exactly one of ``image`` and ``url``."""

    image = serializers.FileField(required=False, help_text="The image file, or base64 text.")
    url = serializers.URLField(required=False, help_text=URL_HELP)


class FormComparisonInput(ComparisonInput):
    """Two files."""

    first = serializers.FileField(help_text="The image file, or base64 text.")  # type: ignore[assignment]
    second = serializers.FileField(help_text="The image file, or base64 text.")  # type: ignore[assignment]


IDENTITY_READ: Final[dict[str, Any]] = {
    "operation_id": "identity_read",
    "summary": "Read whether this server compares faces, what for, and on which legal basis",
    "description": "The operator's purpose and legal basis, the model, and the thresholds that are in use. Any key.",
    "responses": {
        200: answer(
            IdentitySerializer,
            {
                "on": True,
                "purpose": "Access to the laboratory.",
                "legal_basis": "Consent of each person, Art. 9(2)(a) GDPR.",
                "model": EMBEDDING_MODEL,
                "thresholds": [THRESHOLD],
            },
            "What the operator states.",
        ),
        **errors("model_not_ready"),
    },
}
COMPARISON_CREATE: Final[dict[str, Any]] = {
    "operation_id": "comparison_create",
    "summary": "Compare the faces of two images",
    "description": "Each face of `first` with each face of `second`: similarity, the probability that both are one "
    "person, and whether they count as the same at the false match rate `fmr`. `same` is null if a face has low "
    "quality or is a child's. Nothing is stored. Scope `identify`, on a server with identity on.",
    "parameters": [REQUEST_ID],
    "request": {"application/json": ComparisonInput, "multipart/form-data": FormComparisonInput},
    "responses": {
        200: answer(
            ComparisonSerializer,
            {
                "threshold": THRESHOLD,
                "prior": 0.5,
                "first": SIDE,
                "second": SIDE,
                "pairs": [{"first": 0, "second": 0, "similarity": 0.712, "probability": 0.9999, "same": True}],
                "model": EMBEDDING_MODEL,
            },
            "Every pair.",
        ),
        **errors(
            "identity_off", "not_found", "no_face", "too_many_faces", "other_model", "storage_unavailable", *IMAGE
        ),
    },
    "examples": [
        sent(
            "Two images",
            {"first": {"image": PORTRAIT}, "second": {"url": "https://example.org/b.jpg"}},
        ),
        sent(
            "A face of an analysis",
            {
                "first": {"analysis": "0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11", "face": 0},
                "second": {"image": PORTRAIT},
                "fmr": 1e-5,
            },
        ),
    ],
}
EMBEDDING_CREATE: Final[dict[str, Any]] = {
    "operation_id": "embedding_create",
    "summary": "Get the vector of every face of an image",
    "description": "For your own searches. A vector tells who someone is: keep it as carefully as the picture. Only "
    "vectors of one model can be compared. Nothing is stored. Scope `identify`, on a server with identity on.",
    "parameters": [REQUEST_ID],
    "request": {"multipart/form-data": FormEmbeddingInput, "application/json": JsonEmbeddingInput},
    "responses": {
        200: answer(
            EmbeddingsSerializer,
            {
                "image": DETECTIONS["image"],
                "faces": [{**FACE, "embedding": [0.031, -0.118, 0.092]}],
                "model": EMBEDDING_MODEL,
                "timing_ms": DETECTIONS["timing_ms"],
            },
            "The faces with their vectors.",
        ),
        **errors("identity_off", "no_face", "too_many_faces", *IMAGE),
    },
    "examples": [sent("Base64", {"image": PORTRAIT})],
}
