"""The tables. Only cv.services writes them."""

from cv.models.analyses import Analysis, image_columns, picture_path, result_columns
from cv.models.faces import Face, face_row
from cv.models.jobs import Job, JobItem
from cv.models.keys import ApiKey, default_scopes
from cv.models.records import AuditEvent, IdempotentRequest
from cv.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "Analysis",
    "ApiKey",
    "AuditEvent",
    "Face",
    "IdempotentRequest",
    "Job",
    "JobItem",
    "Webhook",
    "WebhookDelivery",
    "default_scopes",
    "face_row",
    "image_columns",
    "picture_path",
    "result_columns",
]
