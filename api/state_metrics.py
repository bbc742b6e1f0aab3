"""Metrics that are read from the database when Prometheus asks: jobs, their images, and webhooks.

The database knows what all servers and workers do, so every server gives the same figures: use their
maximum, not their sum.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cv.choices import DeliveryState, ItemState, JobState
from cv.models import Job, JobItem, Webhook, WebhookDelivery
from cv.services.jobs import OPEN

FINISHED_WITHIN: Final = timedelta(minutes=1)


class StateCollector(Collector):
    """Asks the database at every reading."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        version = GaugeMetricFamily("xcloud_build_info", "The version in service", labels=["version"])
        version.add_metric([settings.XCLOUD_VERSION], 1)
        yield version
        try:
            found = [*_of_jobs(), *_of_webhooks()]
        except DatabaseError:
            found = []
        yield GaugeMetricFamily("xcloud_database_up", "Whether the database answers", value=bool(found))
        yield from found


def _of_jobs() -> Iterator[GaugeMetricFamily]:
    now = timezone.now()
    jobs = GaugeMetricFamily("xcloud_jobs", "Jobs that are kept, by state", labels=["state"])
    counts = _counts(Job.objects.all())
    for state in JobState.values:
        jobs.add_metric([state], counts.get(state, 0))
    yield jobs

    images = GaugeMetricFamily("xcloud_job_images", "Images of unfinished jobs, by state", labels=["state"])
    counts = _counts(JobItem.objects.filter(job__state__in=OPEN))
    for state in ItemState.values:
        images.add_metric([state], counts.get(state, 0))
    yield images

    open_items = JobItem.objects.filter(job__state__in=OPEN)
    found = open_items.aggregate(
        finished=Count("pk", filter=Q(finished_at__gt=now - FINISHED_WITHIN)),
        abandoned=Count("pk", filter=Q(state=ItemState.RUNNING, due_at__lte=now)),
    )
    yield GaugeMetricFamily(
        "xcloud_job_images_finished_last_minute", "Images of unfinished jobs that ended lately", found["finished"]
    )
    yield GaugeMetricFamily(
        "xcloud_job_images_abandoned", "Images whose worker gives no sign of life", found["abandoned"]
    )
    waiting = Job.objects.filter(state__in=[JobState.LISTING, JobState.PENDING]).aggregate(oldest=Min("created_at"))
    yield GaugeMetricFamily(
        "xcloud_job_wait_seconds",
        "Age of the oldest job of which no image was begun",
        (now - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0,
    )


def _of_webhooks() -> Iterator[GaugeMetricFamily]:
    now = timezone.now()
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING).aggregate(
        count=Count("pk"), retried=Count("pk", filter=Q(attempts__gt=0)), due=Min("next_attempt_at")
    )
    yield GaugeMetricFamily(
        "xcloud_webhooks", "Webhooks that are switched on", Webhook.objects.filter(active=True).count()
    )
    yield GaugeMetricFamily("xcloud_webhook_deliveries_pending", "Deliveries that wait", pending["count"])
    yield GaugeMetricFamily("xcloud_webhook_deliveries_retried", "Of these, tried in vain before", pending["retried"])
    late = (now - pending["due"]).total_seconds() if pending["due"] else 0
    yield GaugeMetricFamily("xcloud_webhook_late_seconds", "For how long a delivery has been due", max(0.0, late))


def _counts(rows: QuerySet[Job] | QuerySet[JobItem]) -> dict[str, int]:
    return dict(rows.order_by().values_list("state").annotate(Count("pk")))


STATE: Final = CollectorRegistry()
STATE.register(StateCollector())
