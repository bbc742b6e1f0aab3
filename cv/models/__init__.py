"""The tables. Only cv.services writes them."""

from cv.models.analyses import Analysis, Face, picture_path
from cv.models.deletions import Erasure, FileToDelete
from cv.models.jobs import Job, JobItem
from cv.models.keys import ApiKey, default_scopes
from cv.models.records import AuditEvent, IdempotentRequest
from cv.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "Analysis",
    "ApiKey",
    "AuditEvent",
    "Erasure",
    "Face",
    "FileToDelete",
    "IdempotentRequest",
    "Job",
    "JobItem",
    "Webhook",
    "WebhookDelivery",
    "default_scopes",
    "picture_path",
]
