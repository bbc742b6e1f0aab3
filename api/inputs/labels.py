"""What people may say about a face, by the shape of each output, and the format of the table."""

from typing import Any

from rest_framework import serializers

from api.inputs.strict import FiniteFloatField, StrictSerializer
from cv.engine.outputs import Output, Shape
from cv.labelling.values import labelable_outputs, value_range


class LabelsInput(StrictSerializer):
    """All labels of a face: what is not named is removed."""

    def get_fields(self) -> dict[str, Any]:
        return {output.name: _field(output) for output in labelable_outputs()}


def _field(output: Output) -> serializers.Field[Any, Any, Any, Any]:
    if output.shape is Shape.CATEGORY:
        return serializers.ChoiceField(choices=list(output.labels), required=False)
    low, high = value_range(output) or (None, None)
    return FiniteFloatField(required=False, min_value=low, max_value=high)


class LabelTableInput(StrictSerializer):
    """The file's format."""

    format = serializers.ChoiceField(
        choices=["csv", "parquet"],
        default="csv",
        help_text="`parquet` also has the kept pictures, for `training.evaluate`.",
    )
