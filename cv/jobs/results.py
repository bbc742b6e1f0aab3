"""The results of a job: its ended items, and their rows of the table that ``cv.tables`` describes."""

from collections.abc import Iterable, Iterator
from typing import Final

from django.utils import timezone

from cv.models import Analysis, Job, JobItem
from cv.tables import Row, analysis_rows

BATCH: Final = 500


def closed_items(job: Job) -> Iterator[JobItem]:
    """The job's ended items in order, with analyses and faces, fetched some hundred at a time."""
    last = -1
    rows = JobItem.objects.filter(job=job, due_at__isnull=True).order_by("index")
    rows = rows.select_related("analysis").prefetch_related("analysis__faces", "analysis__models")
    while batch := list(rows.filter(index__gt=last)[:BATCH]):
        yield from batch
        last = batch[-1].index


def analysis_of(item: JobItem) -> Analysis | None:
    """The item's analysis; None if it was deleted or has expired, even if it is not purged yet."""
    row = item.analysis
    return None if row is None or (row.expires_at is not None and row.expires_at <= timezone.now()) else row


def result_rows(items: Iterable[JobItem], attributes: frozenset[str]) -> Iterator[Row]:
    """The rows of each item's analysis, with only these attributes; one row for an item without analysis."""
    for item in items:
        image: Row = {"index": item.index, "name": item.name, "state": item.state, "error_code": item.error_code}
        if (analysis := analysis_of(item)) is None:
            yield image
        else:
            yield from analysis_rows(image, analysis, attributes)
