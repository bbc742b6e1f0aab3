"""What the text columns may hold. Labels come from the engine, so that there is one list of each."""

from enum import StrEnum

from django.db import models

from cv.engine.labels import Expression, Gender, Race


class Source(models.TextChoices):
    """How the image came in."""

    UPLOAD = "upload", "Upload"
    BASE64 = "base64", "Base64"
    URL = "url", "URL"
    FOLDER = "folder", "Server's folder"
    VIDEO = "video", "Video"


class Scope(models.TextChoices):
    """What a key may do. None contains another: a key that erases need not be able to read."""

    ANALYSE = "analyse", "Analyse images"
    READ = "read", "Read and export what is stored"
    ERASE = "erase", "Delete and erase"
    IDENTIFY = "identify", "Compare and search faces, where the operator has turned identity on"
    ADMIN = "admin", "Manage keys and webhooks, read the audit log"


class AuditAction(models.TextChoices):
    """What is written down in the audit log."""

    ANALYSIS_READ = "analysis.read", "Analysis read"
    ANALYSIS_LIST = "analysis.list", "Analyses listed"
    PICTURE_READ = "picture.read", "Picture read"
    COMPARISON_CREATE = "comparison.create", "Faces compared"
    EMBEDDING_CREATE = "embedding.create", "Vectors of faces given out"
    ANALYSIS_ERASE = "analysis.erase", "Analysis erased"
    JOB_CREATE = "job.create", "Job made"
    JOB_READ = "job.read", "Job's items or results read"
    JOB_CHANGE = "job.change", "Job cancelled, paused, resumed or retried"
    JOB_DELETE = "job.delete", "Job deleted"
    LABEL_CHANGE = "label.change", "Labels of a face changed"
    LABEL_EXPORT = "label.export", "Labels read or exported"
    SUBJECT_EXPORT = "subject.export", "Subject exported"
    SUBJECT_ERASE = "subject.erase", "Subject erased"
    COLLECTION_CREATE = "collection.create", "Collection made"
    COLLECTION_CHANGE = "collection.change", "Collection changed"
    COLLECTION_DELETE = "collection.delete", "Collection deleted"
    COLLECTION_READ = "collection.read", "Collection's faces or subjects listed"
    COLLECTION_SEARCH = "collection.search", "Collection searched"
    COLLECTION_VERIFY = "collection.verify", "Face compared with a subject"
    FACE_ENROL = "face.enrol", "Faces enrolled"
    FACE_REMOVE = "face.remove", "Enrolled faces removed"
    USER_DELETE = "user.delete", "User deleted"
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
    JOB_FINISHED = "job.finished", "Job finished"


class JobSource(models.TextChoices):
    """Where a job's images come from."""

    ARCHIVE = "archive", "Archive"
    URLS = "urls", "Addresses"
    ANALYSES = "analyses", "Earlier analyses"
    FOLDER = "folder", "Server's folder"
    VIDEO = "video", "Video"
    # Of `manage.py analyze_folder`: worked on by that command alone, which sees files that no other worker may.
    LOCAL = "local", "Folder of a command"


class JobState(models.TextChoices):
    """How far a job is. Three are ends, and only ``retry`` leads back out of one; nothing leads out of the last."""

    # A worker reads the archive; no image is analyzed before all of them are listed.
    LISTING = "listing", "Archive is read"
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"
    FAILED = "failed", "Nothing succeeded"
    CANCELLED = "cancelled", "Cancelled"
    DELETING = "deleting", "Being deleted"


class ItemState(models.TextChoices):
    """How far one image of a job is."""

    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


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
