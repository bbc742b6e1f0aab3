"""A thin, typed client of the XCloud API."""

from xcloud_client.client import XCloud
from xcloud_client.errors import ApiError
from xcloud_client.types import (
    Analysis,
    Answer,
    Attributes,
    Box,
    Category,
    Detections,
    Estimate,
    Face,
    Flags,
    Job,
    Landmarks,
    Mask,
    ModelRun,
    Points,
    Vector,
    answer,
)
from xcloud_client.webhooks import webhook_is_genuine

__all__ = [
    "Analysis",
    "Answer",
    "ApiError",
    "Attributes",
    "Box",
    "Category",
    "Detections",
    "Estimate",
    "Face",
    "Flags",
    "Job",
    "Landmarks",
    "Mask",
    "ModelRun",
    "Points",
    "Vector",
    "XCloud",
    "answer",
    "webhook_is_genuine",
]
