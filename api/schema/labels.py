"""The schema of labels that people give faces, and of the report about them."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, inline_serializer

from api.inputs.labels import LabelsInput, LabelTableInput
from api.schema import examples
from api.schema.parts import BODY, answer, errors, sent
from api.serializers.labels import FaceLabelsSerializer, LabelReportSerializer

LABEL_LIST: Final[dict[str, Any]] = {
    "operation_id": "label_list",
    "summary": "Read the labels that people gave the faces of an analysis",
    "description": "Faces without labels are left out. Scope `read`.",
    "responses": {
        200: answer(
            inline_serializer("FaceLabelsList", {"results": FaceLabelsSerializer(many=True)}),
            {"results": [examples.FACE_LABELS]},
            "The labels.",
        ),
        **errors("not_found"),
    },
}
LABEL_SET: Final[dict[str, Any]] = {
    "operation_id": "label_set",
    "summary": "Say what is right about a face",
    "description": "Replaces the face's labels; an empty object removes them. They are kept beside the answers, which "
    "do not change, and are deleted with the analysis. Label right answers, too: the report can only count what is "
    "labelled. Scope `analyse`.",
    "request": {"application/json": LabelsInput},
    "responses": {
        200: answer(FaceLabelsSerializer, examples.FACE_LABELS, "The face's labels now."),
        **errors("not_found", *BODY),
    },
    "examples": [sent("An age and a gender", {"age": 31, "gender": "female"}), sent("No labels", {})],
}
LABEL_REPORT: Final[dict[str, Any]] = {
    "operation_id": "label_report",
    "summary": "How right the answers are on the faces that you labelled",
    "description": "By attribute: right answers with a 95 % confidence interval, the commonest mistakes, and the share "
    "of answers that abstained, which count as neither right nor wrong. Scope `read`.",
    "responses": {200: answer(LabelReportSerializer, examples.LABEL_REPORT, "The report."), **errors()},
}
LABEL_TABLE: Final[dict[str, Any]] = {
    "operation_id": "label_table_read",
    "summary": "Download your labelled faces as a table",
    "description": "A row for each face: its labels, and what was answered. Parquet has only faces whose picture is "
    "kept, and `python -m training.evaluate --data labels.parquet` reads it. Scope `read`.",
    "parameters": [LabelTableInput],
    "responses": {
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="The table."),
        (200, "application/vnd.apache.parquet"): OpenApiResponse(OpenApiTypes.BINARY, description="The table."),
        **errors("storage_unavailable"),
    },
}
