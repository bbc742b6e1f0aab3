"""The schema of the models in service and their cards."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, inline_serializer

from api.schema import examples
from api.schema.parts import answer, errors
from api.serializers import ModelCardSerializer, ModelDetailSerializer

MODEL_LIST: Final[dict[str, Any]] = {
    "operation_id": "model_list",
    "summary": "The models in service",
    "responses": {
        200: answer(
            inline_serializer("ModelList", {"results": ModelCardSerializer(many=True)}),
            {"results": [examples.MODEL_CARD]},
            "What each is, in short.",
        ),
        **errors("model_not_ready"),
    },
}
MODEL_READ: Final[dict[str, Any]] = {
    "operation_id": "model_read",
    "summary": "One model with its whole card",
    "description": "How it was trained, how good it measured overall and for each group of gender, race and age, how "
    "sure it is, what it was trained on, its limits, and what it is meant for and what not.",
    "responses": {
        200: answer(ModelDetailSerializer, examples.MODEL, "The card."),
        **errors("not_found", "model_not_ready"),
    },
}
MODEL_FILE_READ: Final[dict[str, Any]] = {
    "operation_id": "model_file_read",
    "summary": "A chart of a model's card",
    "description": "A confusion matrix, a reliability diagram; `pictures` of the card names them. May be kept for an "
    "hour; with `If-None-Match`, 304 where it is still the same.",
    "responses": {
        (200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY, description="The picture."),
        **errors("not_found", "model_not_ready"),
    },
}
