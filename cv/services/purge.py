"""Removes what is past its time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from cv.choices import DeliveryState
from cv.models import Analysis, AuditEvent, IdempotentRequest, WebhookDelivery
from cv.pictures import pictures_before
from cv.services.analyses import analysis_delete

# A picture younger than this may belong to a transaction that is still open.
ORPHAN_AGE = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=24)
DELIVERIES_KEPT = timedelta(days=30)
PURGE_BATCH = 500


@dataclass(frozen=True, slots=True)
class Purged:
    """How much a purge removed."""

    analyses: int
    pictures: int
    answers: int = 0
    deliveries: int = 0
    audit_events: int = 0


def expired_purge(now: datetime | None = None) -> Purged:
    """Removes expired analyses, pictures without a row (a process was killed between the two), and old records."""
    now = now or timezone.now()
    analyses = 0
    while batch := list(Analysis.objects.filter(expires_at__lte=now)[:PURGE_BATCH]):
        for analysis in batch:
            analysis_delete(analysis)
        analyses += len(batch)
    kept = set(Analysis.objects.exclude(picture="").values_list("picture", flat=True))
    orphans = [name for name in pictures_before(timezone.now() - ORPHAN_AGE) if name not in kept]
    for name in orphans:
        default_storage.delete(name)
    answers, _ = IdempotentRequest.objects.filter(created_at__lte=now - ANSWERS_KEPT).delete()
    over = WebhookDelivery.objects.exclude(state=DeliveryState.PENDING)
    deliveries, _ = over.filter(created_at__lte=now - DELIVERIES_KEPT).delete()
    audited_until = now - timedelta(days=settings.XCLOUD_AUDIT_DAYS)
    audit_events, _ = AuditEvent.objects.filter(at__lte=audited_until).delete()
    return Purged(analyses, len(orphans), answers, deliveries, audit_events)
