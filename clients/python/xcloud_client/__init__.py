"""A thin, typed client of the XCloud API."""

from xcloud_client.aio import AsyncXCloud
from xcloud_client.answers import Abstained, Unsure, guess
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
    JobItem,
    Landmarks,
    Mask,
    ModelRun,
    Points,
    Vector,
    answer,
)
from xcloud_client.webhooks import webhook_is_genuine

__all__ = [
    "Abstained",
    "Analysis",
    "Answer",
    "ApiError",
    "AsyncXCloud",
    "Attributes",
    "Box",
    "Category",
    "Detections",
    "Estimate",
    "Face",
    "Flags",
    "Job",
    "JobItem",
    "Landmarks",
    "Mask",
    "ModelRun",
    "Points",
    "Unsure",
    "Vector",
    "XCloud",
    "answer",
    "guess",
    "webhook_is_genuine",
]
