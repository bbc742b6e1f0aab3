"""Erases everything about a person."""

from collections.abc import Callable
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cv.choices import AuditAction, WebhookEvent
from cv.models import Analysis, Face, IdempotentRequest, Job
from cv.services.analyses import nothing_more
from cv.services.audit import audit_note
from cv.services.jobs import remove_jobs
from cv.services.webhooks import event_emit
from cv.trust.caller import Caller
from cv.trust.receipts import Erased, signed_receipt


def subject_erase(
    rows: QuerySet[Analysis],
    caller: Caller,
    jobs: QuerySet[Job],
    saved: Callable[[dict[str, Any]], None] = nothing_more,
) -> dict[str, Any]:
    """Deletes jobs, and analyses with faces, pictures and remembered answers; returns the signed receipt.

    It is signed only after the files are gone, too: it must not claim more than what happened. ``saved`` gets it in the
    transaction that erases. Raises StorageUnavailable; then the rows stay, and so do pictures not yet deleted, and it
    can be done again.
    """
    with transaction.atomic():
        # First: a worker that has an image of theirs writes no further analysis from here on.
        jobs_removed = remove_jobs(jobs)
        analyses = faces = answers = 0
        pictures: list[str] = []
        # Until there is none left: while this waited for a row, a job may have described it anew and let go of it.
        while found := list(rows.select_for_update().values_list("pk", "picture")):
            ids = [pk for pk, _ in found]
            analyses += len(ids)
            faces += Face.objects.filter(analysis__in=ids).count()
            answers += IdempotentRequest.objects.filter(analysis__in=ids).count()
            Analysis.objects.filter(pk__in=ids).delete()
            pictures += [picture for _, picture in found if picture]
        for picture in pictures:
            default_storage.delete(picture)
        erased = Erased(
            timezone.now(),
            analyses=analyses,
            faces=faces,
            pictures=len(pictures),
            answers=answers,
            jobs=jobs_removed,
        )
        receipt = signed_receipt(erased)
        receipt_id = receipt["receipt"]["id"]
        audit_note(caller, AuditAction.SUBJECT_ERASE, [receipt_id], count=analyses)
        event_emit(WebhookEvent.SUBJECT_ERASED, {"receipt": receipt_id, "analyses": analyses})
        saved(receipt)
    return receipt
