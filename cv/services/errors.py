"""Stores how often this process answered each error."""

import threading
from collections import Counter
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from cv.models import ErrorCount
from telemetry.metrics import ERRORS

# What of this process's counts is stored already.
_stored: Counter[str] = Counter()
_lock = threading.Lock()


def errors_store(now: datetime | None = None) -> None:
    """Adds the errors since the last call to today's counts. If the database fails, the next call adds them."""
    day = (now or timezone.now()).date()
    with _lock:
        counted = _counted()
        fresh = counted - _stored
        if not fresh:
            return
        with transaction.atomic():
            for code, number in sorted(fresh.items()):
                row, _ = ErrorCount.objects.get_or_create(day=day, code=code)
                ErrorCount.objects.filter(pk=row.pk).update(count=F("count") + number)
        _stored.update(fresh)


def _counted() -> Counter[str]:
    """The errors of this process since its start."""
    samples = (sample for metric in ERRORS.collect() for sample in metric.samples if sample.name.endswith("_total"))
    return Counter({sample.labels["code"]: int(sample.value) for sample in samples})
