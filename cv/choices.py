"""What the text columns may hold. Labels come from the engine, so that there is one list of each."""

from enum import StrEnum

from django.db import models

from cv.engine.labels import Expression, Gender, Race


class Source(models.TextChoices):
    """How the image came in."""

    UPLOAD = "upload", "Upload"
    BASE64 = "base64", "Base64"
    URL = "url", "URL"


class Scope(models.TextChoices):
    """What a key may do. None contains another: a key that erases need not be able to read."""

    ANALYSE = "analyse", "Analyse images"
    READ = "read", "Read and export what is stored"
    ERASE = "erase", "Delete and erase"
    ADMIN = "admin", "Manage keys and webhooks, read the audit log"


class AuditAction(models.TextChoices):
    """What is written down in the audit log."""

    ANALYSIS_READ = "analysis.read", "Analysis read"
    ANALYSIS_LIST = "analysis.list", "Analyses listed"
    PICTURE_READ = "picture.read", "Picture read"
    ANALYSIS_ERASE = "analysis.erase", "Analysis erased"
    SUBJECT_EXPORT = "subject.export", "Subject exported"
    SUBJECT_ERASE = "subject.erase", "Subject erased"
    KEY_CREATE = "key.create", "Key made"
    KEY_CHANGE = "key.change", "Key changed"
    KEY_REVOKE = "key.revoke", "Key revoked"
    WEBHOOK_CREATE = "webhook.create", "Webhook made"
    WEBHOOK_CHANGE = "webhook.change", "Webhook changed"
    WEBHOOK_DELETE = "webhook.delete", "Webhook deleted"


class WebhookEvent(models.TextChoices):
    """What a webhook can be told of."""

    ANALYSIS_CREATED = "analysis.created", "Analysis created"
    ANALYSIS_UPDATED = "analysis.updated", "Analysis updated"
    ANALYSIS_DELETED = "analysis.deleted", "Analysis deleted"
    SUBJECT_ERASED = "subject.erased", "Subject erased"


class DeliveryState(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Given up"


def from_labels(labels: type[StrEnum]) -> list[tuple[str, str]]:
    """The choices of a column that holds one of the engine's labels."""
    return [(label.value, label.value.capitalize()) for label in labels]


GENDERS = from_labels(Gender)
RACES = from_labels(Race)
EXPRESSIONS = from_labels(Expression)
