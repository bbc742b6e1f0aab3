"""The schema of the models in service and their cards."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, inline_serializer

from api.schema import examples
from api.schema.parts import answer, errors
from api.serializers import ModelCardSerializer, ModelDetailSerializer

MODEL_LIST: Final[dict[str, Any]] = {
    "operation_id": "model_list",
    "summary": "List the models in service",
    "responses": {
        200: answer(
            inline_serializer("ModelList", {"results": ModelCardSerializer(many=True)}),
            {"results": [examples.MODEL_CARD]},
            "A summary of each model.",
        ),
        **errors("model_not_ready"),
    },
}
MODEL_READ: Final[dict[str, Any]] = {
    "operation_id": "model_read",
    "summary": "Read one model with its whole card",
    "description": "How it was trained, its measured accuracy overall and for each group of gender, race and age, its "
    "calibration, its training data, its limits, and its intended and refused uses.",
    "responses": {
        200: answer(ModelDetailSerializer, examples.MODEL, "The card."),
        **errors("not_found", "model_not_ready"),
    },
}
MODEL_FILE_READ: Final[dict[str, Any]] = {
    "operation_id": "model_file_read",
    "summary": "Read a chart of a model's card",
    "description": "For example a confusion matrix; `pictures` of the card lists them. Can be cached for an "
    "hour. If you send `If-None-Match` and the chart did not change, the answer is a 304.",
    "responses": {
        (200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY, description="The picture."),
        304: OpenApiResponse(description="Unchanged since it had this `ETag`."),
        **errors("not_found", "model_not_ready"),
    },
}
