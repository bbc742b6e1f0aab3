"""Erases everything about a person."""

from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cv.caller import Caller
from cv.choices import AuditAction, WebhookEvent
from cv.models import Analysis, Face, IdempotentRequest
from cv.receipts import Erased, signed_receipt
from cv.services.audit import audit_note
from cv.services.webhooks import event_emit


def subject_erase(rows: QuerySet[Analysis], caller: Caller) -> dict[str, Any]:
    """Deletes the analyses with faces, pictures and remembered answers; returns the signed receipt.

    It is signed only after the files are gone, too: it must not claim more than what happened.
    """
    with transaction.atomic():
        found = list(rows.select_for_update().values_list("pk", "picture"))
        ids = [pk for pk, _ in found]
        faces = Face.objects.filter(analysis__in=ids).count()
        answers = IdempotentRequest.objects.filter(analysis__in=ids).count()
        Analysis.objects.filter(pk__in=ids).delete()
    pictures = [picture for _, picture in found if picture]
    for picture in pictures:
        default_storage.delete(picture)
    erased = Erased(timezone.now(), analyses=len(ids), faces=faces, pictures=len(pictures), answers=answers)
    receipt = signed_receipt(erased)
    receipt_id = receipt["receipt"]["id"]
    with transaction.atomic():
        audit_note(caller, AuditAction.SUBJECT_ERASE, [receipt_id], count=len(ids))
        event_emit(WebhookEvent.SUBJECT_ERASED, {"receipt": receipt_id, "analyses": len(ids)})
    return receipt
