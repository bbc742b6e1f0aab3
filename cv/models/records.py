"""Records about requests: the audit log, and stored answers of idempotent requests."""

from django.db import models
from django.utils import timezone

from cv.choices import AuditAction
from cv.models.analyses import Analysis
from cv.models.collections import Collection
from cv.models.jobs import Job


class AuditEvent(models.Model):
    """Who read, exported, erased or managed what. Ids only: it contains nothing about a person."""

    at = models.DateTimeField(default=timezone.now)
    # `key:7`, `user:3` or `command`: text, so that the line remains when the user is deleted.
    actor = models.CharField(max_length=40)
    action = models.CharField(max_length=30, choices=AuditAction.choices)
    objects_named = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=1)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-at", "-pk")
        indexes = [
            models.Index(fields=["-at"], name="audit_newest"),
            models.Index(fields=["actor", "-at"], name="audit_of_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action}"


class IdempotentRequest(models.Model):
    """A request with an ``Idempotency-Key``, and its answer, sealed with that key."""

    # Of caller and key. The key itself is not stored, because it unseals the answer.
    digest = models.CharField(max_length=64, unique=True)
    # Of method, address and body.
    fingerprint = models.CharField(max_length=64)
    # None while the request is in progress.
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    # Which process works on it; see cv.serving.processes.
    process = models.CharField(max_length=32, blank=True, default="")
    # If the analysis or the job is deleted, the stored answers about it are deleted, too; if a face of the collection
    # is, those about the collection.
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, null=True, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, null=True, related_name="+")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="idempotent_oldest")]

    def __str__(self) -> str:
        return self.digest
