"""Erases everything that is stored about a subject."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cv.choices import AuditAction, WebhookEvent
from cv.files.removal import ask_storage
from cv.models import Analysis, Erasure, Face, FaceChip, FaceVector, GroupedFace, IdempotentRequest, Job, NotThisPerson
from cv.selectors import subject_analyses, subject_faces, subject_jobs, subject_negatives
from cv.services.analyses import DELETE_BATCH, nothing_more
from cv.services.audit import audit_note
from cv.services.collections import Found, rows_delete, unindex
from cv.services.deletions import files_list, files_remove
from cv.services.job_deletion import inputs_of, jobs_remove
from cv.services.traces import traces_remove
from cv.services.webhooks import event_emit
from cv.trust.caller import Caller
from cv.trust.receipts import Erased, public_key, sign_receipt
from cv.trust.sealing import keyed_digest


def subject_erase(
    subject: str,
    caller: Caller,
    of_everyone: bool = False,
    saved: Callable[[dict[str, Any]], None] = nothing_more,
) -> dict[str, Any]:
    """Deletes the subject's jobs, analyses with faces, pictures and stored answers, and enrolled faces with their
    vectors and entries in the search index; returns the signed receipt.

    Rows are deleted in batches, each in one transaction with an audit event and the list of its files; then the files
    are deleted. The receipt is signed last, so that it never claims more than was done. ``saved`` is called with it in
    the transaction that ends the erasure. If a step fails, the next call continues and returns one receipt for
    everything. Raises Analysis.DoesNotExist if nothing is stored about the subject, StorageUnavailable,
    SearchUnavailable.
    """
    analyses, jobs = subject_analyses(caller, subject, of_everyone), subject_jobs(caller, subject, of_everyone)
    enrolled, negatives = subject_faces(caller, subject, of_everyone), subject_negatives(caller, subject, of_everyone)
    digest = keyed_digest("erasure", f"{'everyone' if of_everyone else caller.name}\n{subject}")
    # Fails now, not after the deletion, if the signing key cannot be read.
    public_key()
    while True:
        ask_storage(_files_of(analyses, jobs))
        known = list(enrolled.values_list("pk", "collection")[:DELETE_BATCH])
        unindex(known)
        with transaction.atomic():
            erasure = _some_erased(digest, analyses, jobs, known, negatives, caller)
            waiting = list(erasure.files.values_list("name", flat=True))
            if not waiting and not known and not any(rows.exists() for rows in (analyses, jobs, enrolled)):
                receipt = _ended(erasure, saved)
                break
        # Again: another process may have added them back before their rows were deleted.
        unindex(known)
        files_remove(waiting)
    traces_remove()
    return receipt


def _files_of(analyses: QuerySet[Analysis], jobs: QuerySet[Job]) -> list[str]:
    pictures = analyses.exclude(picture="").order_by().values_list("picture", flat=True)[:1]
    return [*pictures, *inputs_of(jobs.values_list("pk", "source")[:1])]


def _some_erased(
    digest: str,
    analyses: QuerySet[Analysis],
    jobs: QuerySet[Job],
    enrolled: Found,
    negatives: QuerySet[NotThisPerson],
    caller: Caller,
) -> Erasure:
    """Erases the jobs, these enrolled faces, what was said of the name, and one batch of analyses in the caller's
    transaction.

    Raises Analysis.DoesNotExist.
    """
    row, began = Erasure.objects.get_or_create(digest=digest)
    erasure = Erasure.objects.select_for_update().get(pk=row.pk)
    # Jobs first: from here on, no worker saves another analysis of the subject.
    removed = jobs_remove(jobs, erasure)
    # A job may have saved analyses while this call waited for its row; this query sees them.
    found = list(analyses.select_for_update().order_by().values_list("pk", "picture")[:DELETE_BATCH])
    if began and not found and not removed and not enrolled and not negatives.exists():
        raise Analysis.DoesNotExist
    ids, pictures = [pk for pk, _ in found], [picture for _, picture in found if picture]
    erasure.jobs += removed
    erasure.analyses += len(ids)
    erasure.faces += Face.objects.filter(analysis__in=ids).count()
    vectors = FaceVector.objects.filter(face__analysis__in=ids)
    erasure.vectors += vectors.count()
    erasure.group_memberships += GroupedFace.objects.filter(vector__in=vectors).count()
    # About these faces, and about this name.
    said, _ = (negatives | NotThisPerson.objects.filter(vector__in=vectors)).delete()
    erasure.negatives += said
    erasure.chips += FaceChip.objects.filter(face__analysis__in=ids).count()
    erasure.answers += IdempotentRequest.objects.filter(analysis__in=ids).count()
    erasure.pictures += len(pictures)
    erasure.enrolled_faces += rows_delete(enrolled)
    erasure.save()
    Analysis.objects.filter(pk__in=ids).delete()
    files_list(pictures, erasure)
    if found or removed or enrolled or said:
        audit_note(caller, AuditAction.SUBJECT_ERASE, [erasure.pk], count=len(ids))
    return erasure


def _ended(erasure: Erasure, saved: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Signs the receipt and ends the erasure. Call it in the transaction that found nothing left to erase."""
    erased = Erased(
        timezone.now(),
        analyses=erasure.analyses,
        faces=erasure.faces,
        pictures=erasure.pictures,
        answers=erasure.answers,
        jobs=erasure.jobs,
        enrolled_faces=erasure.enrolled_faces,
        vectors=erasure.vectors,
        group_memberships=erasure.group_memberships,
        negatives=erasure.negatives,
        chips=erasure.chips,
    )
    receipt = sign_receipt(erased, erasure.pk)
    event_emit(WebhookEvent.SUBJECT_ERASED, {"receipt": str(erasure.pk), "analyses": erasure.analyses})
    saved(receipt)
    erasure.delete()
    return receipt
