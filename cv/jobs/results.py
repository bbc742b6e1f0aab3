"""The results of a job: its ended items, and their rows of the table that ``cv.tables`` describes."""

from collections.abc import Iterable, Iterator
from typing import Final

from django.db.models import Prefetch
from django.utils import timezone

from cv.engine.outputs import EMBEDDING
from cv.models import Analysis, FoundPerson, Job, JobItem
from cv.selectors import found_people
from cv.tables import Row, analysis_rows
from cv.trust.caller import Caller

BATCH: Final = 500


def closed_items(job: Job, people: bool = False) -> Iterator[JobItem]:
    """The job's ended items in order, with analyses and faces, fetched some hundred at a time; with ``people``, also
    with who was found in them."""
    last = -1
    rows = JobItem.objects.filter(job=job, due_at__isnull=True).order_by("index")
    rows = rows.select_related("analysis").prefetch_related("analysis__faces", "analysis__models")
    if people:
        rows = rows.prefetch_related(people_found())
    while batch := list(rows.filter(index__gt=last)[:BATCH]):
        yield from batch
        last = batch[-1].index


def reads_people(job: Job, caller: Caller) -> bool:
    """Whether the job searches a collection and the caller may identify faces."""
    return job.search_collection is not None and bool(caller.may_compute({EMBEDDING.name}))


def people_found() -> "Prefetch[str]":
    """Loads who was found in the faces of items, for as long as they are enrolled."""
    return Prefetch("analysis__faces__search__candidates", queryset=found_people(FoundPerson.objects.all()))


def analysis_of(item: JobItem) -> Analysis | None:
    """The item's analysis; None if it was deleted or has expired, even if it is not purged yet."""
    row = item.analysis
    return None if row is None or (row.expires_at is not None and row.expires_at <= timezone.now()) else row


def result_rows(items: Iterable[JobItem], attributes: frozenset[str], people: bool = False) -> Iterator[Row]:
    """The rows of each item's analysis, with only these attributes, and with ``people`` with who was found; one row for
    an item without analysis."""
    for item in items:
        image: Row = {"index": item.index, "name": item.name, "state": item.state, "error_code": item.error_code}
        if (analysis := analysis_of(item)) is None:
            yield image
        else:
            yield from analysis_rows(image, analysis, attributes, people)
