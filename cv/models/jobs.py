"""Jobs of many images, and the images of each. The rows are authoritative; workers and brokers may fail at any time."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from cv.choices import ItemState, JobSource, JobState
from cv.models.analyses import Analysis, ExactCharField
from cv.models.keys import ApiKey

MAX_LABEL = 500
MAX_JOB_NAME = 200
MAX_LOCATION = 2048
# Lower runs later, higher sooner; only administrators may go above 0.
PRIORITY_RANGE = (-10, 10)


class Job(models.Model):
    """One request for many images. Progress is counted from the items, never stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # When a worker last claimed items of this job; the job that waited longest is next.
    claimed_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.PENDING)
    priority = models.SmallIntegerField(default=0)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.RESTRICT, null=True, blank=True, related_name="jobs")
    source = models.CharField(max_length=10, choices=JobSource.choices)
    # The archive's file name, as the client sent it: displayed, never opened.
    name = models.CharField(max_length=MAX_JOB_NAME, blank=True, default="")
    # Grows while an archive is listed.
    item_count = models.PositiveIntegerField()
    # Why the whole job failed; empty if it did not.
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=200, blank=True)

    # The kept archive whose entries a worker lists as items; empty when all are listed.
    archive = models.CharField(max_length=100, blank=True)
    # When a worker may list it: at its creation, or when the lease ends.
    listing_due_at = models.DateTimeField(null=True, blank=True)
    listing_lease = models.CharField(max_length=32, blank=True)
    # How many workers began to list it since its last new item.
    listing_attempts = models.PositiveSmallIntegerField(default=0)
    listing_began_at = models.DateTimeField(null=True, blank=True)

    # The options of every analysis of this job.
    asked_attributes = models.JSONField()
    min_face_px = models.PositiveIntegerField()
    max_faces = models.PositiveIntegerField()
    store_image = models.BooleanField(default=False)
    store_chips = models.BooleanField(default=False)
    store_ttl_days = models.PositiveIntegerField(null=True, blank=True)
    subject = ExactCharField(max_length=200, blank=True)
    # The collection in which every face is searched; it stays named after the collection is deleted.
    search_collection = models.UUIDField(null=True, blank=True)
    # Frames looked at in a second of a video; null for photos.
    frame_rate = models.FloatField(null=True, blank=True)
    # While the job is being deleted: whether its analyses are, too.
    deletes_analyses = models.BooleanField(default=False)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [
            models.CheckConstraint(
                name="job_has_an_owner", condition=Q(owner__isnull=False) | Q(api_key__isnull=False)
            ),
            models.CheckConstraint(name="job_state_known", condition=Q(state__in=JobState.values)),
            models.CheckConstraint(name="job_source_known", condition=Q(source__in=JobSource.values)),
            models.CheckConstraint(name="job_has_items", condition=Q(item_count__gte=1) | Q(source=JobSource.ARCHIVE)),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="job_of_owner"),
            models.Index(fields=["api_key", "-created_at"], name="job_of_key"),
            models.Index(fields=["-created_at"], name="job_newest"),
            models.Index(fields=["state", "-priority"], name="job_in_turn"),
            models.Index(fields=["subject"], name="job_subject"),
            # For the order of claims: the next caller, and that caller's next job (see cv.services.job_turns).
            models.Index(fields=["owner", "claimed_at"], name="job_served_owner"),
            models.Index(fields=["api_key", "claimed_at"], name="job_served_key"),
            models.Index(fields=["owner", "state", "-priority", "claimed_at", "created_at"], name="job_turn_of_owner"),
            models.Index(fields=["api_key", "state", "-priority", "claimed_at", "created_at"], name="job_turn_of_key"),
            # For the order in which archives are listed (see cv.services.job_listing).
            models.Index(fields=["owner", "listing_began_at"], name="job_listed_owner"),
            models.Index(fields=["api_key", "listing_began_at"], name="job_listed_key"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class JobItem(models.Model):
    """One image of a job. The worker that holds ``lease`` works on it, and writes it once, together with its result."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    index = models.PositiveIntegerField()
    # The client's name for it: displayed, never opened.
    name = models.CharField(max_length=MAX_LABEL, blank=True)
    # Where the worker finds it: a kept file, a URL, an analysis, or a file in the job's folder. Not shown to clients.
    location = models.CharField(max_length=MAX_LOCATION, blank=True)
    state = models.CharField(max_length=10, choices=ItemState.choices, default=ItemState.PENDING)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=200, blank=True)
    # Null again if the analysis was deleted or erased.
    analysis = models.OneToOneField(Analysis, on_delete=models.SET_NULL, null=True, blank=True, related_name="job_item")
    # When a worker may claim it: at its creation, or when the lease ends. Null when the item has ended.
    due_at = models.DateTimeField(null=True, blank=True)
    lease = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    # How much of a video is done, 0 to 1, while a worker is at it.
    progress = models.FloatField(default=0.0)

    class Meta:
        ordering = ("job", "index")
        constraints = [
            models.UniqueConstraint(fields=["job", "index"], name="job_item_index_once"),
            models.CheckConstraint(name="job_item_state_known", condition=Q(state__in=ItemState.values)),
            models.CheckConstraint(
                name="job_item_due_while_open",
                condition=Q(state__in=[ItemState.PENDING, ItemState.RUNNING], due_at__isnull=False)
                | Q(state__in=[ItemState.DONE, ItemState.FAILED, ItemState.CANCELLED], due_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["job", "due_at", "index"], name="job_item_due"),
            models.Index(fields=["job", "state", "index"], name="job_item_state"),
            models.Index(fields=["job", "finished_at"], name="job_item_finished"),
        ]

    def __str__(self) -> str:
        return f"item {self.index} of {self.job_id}"
