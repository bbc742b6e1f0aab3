"""A thin, typed client of the XCloud API."""

from xcloud_client.client import XCloud
from xcloud_client.errors import ApiError
from xcloud_client.types import Analysis, Attributes, Box, Category, Detections, Estimate, Face, Job, Landmarks
from xcloud_client.webhooks import webhook_is_genuine

__all__ = [
    "Analysis",
    "ApiError",
    "Attributes",
    "Box",
    "Category",
    "Detections",
    "Estimate",
    "Face",
    "Job",
    "Landmarks",
    "XCloud",
    "webhook_is_genuine",
]
