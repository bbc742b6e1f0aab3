"""Creates, changes and deletes collections, and removes their faces."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from cv.choices import AuditAction
from cv.engine.types import ModelInfo
from cv.models import Collection, EnrolledFace, IdempotentRequest
from cv.search.served import drop_index, forget_faces
from cv.services.analyses import BREATH_S, nothing_more
from cv.services.audit import audit_note
from cv.services.revisions import revision_raise
from cv.services.traces import traces_remove
from cv.trust.caller import Caller

DELETE_BATCH: Final = 1000
# Keys of enrolled faces, each with its collection.
Found = list[tuple[int, UUID]]


def collection_create(
    name: str,
    ttl_days: int | None,
    model: ModelInfo,
    dimensions: int,
    caller: Caller,
    saved: Callable[[Collection], None] = nothing_more,
) -> Collection:
    """A collection of this embedding model, whose vectors have ``dimensions`` numbers.

    ``saved`` is called with it in the transaction that saves it.
    """
    with transaction.atomic():
        row = Collection.objects.create(
            name=name,
            ttl_days=ttl_days,
            model_name=model.name,
            model_version=model.version,
            model_sha256=model.sha256,
            dimensions=dimensions,
            owner=caller.user,
            api_key=caller.api_key,
        )
        audit_note(caller, AuditAction.COLLECTION_CREATE, [row.pk])
        saved(row)
    return row


def collection_update(collection: Collection, caller: Caller, **changes: Any) -> Collection:
    """Changes ``name`` or ``ttl_days``; faces already enrolled keep their time. Raises Collection.DoesNotExist."""
    with transaction.atomic():
        row = Collection.objects.select_for_update().get(pk=collection.pk)
        for field, value in changes.items():
            setattr(row, field, value)
        row.save(update_fields=list(changes))
        audit_note(caller, AuditAction.COLLECTION_CHANGE, [row.pk])
    return row


def collection_delete(collection: Collection, caller: Caller | None) -> None:
    """Deletes the collection with its faces, and its part of the search index; None is a command.

    Raises SearchUnavailable.
    """
    pk = collection.pk
    drop_index(pk)
    enrolled_delete(collection.faces.all())
    with transaction.atomic():
        Collection.objects.filter(pk=pk).delete()
        audit_note(caller, AuditAction.COLLECTION_DELETE, [pk])
    drop_index(pk)
    traces_remove()


def subject_remove(collection: Collection, subject: str, caller: Caller) -> int:
    """Removes a subject's faces from one collection; returns how many. Raises SearchUnavailable."""
    removed = enrolled_delete(collection.faces.filter(subject=subject), caller)
    collection.negatives.filter(subject=subject).delete()
    traces_remove()
    return removed


def face_remove(face: EnrolledFace, caller: Caller) -> None:
    """Removes one face. Raises SearchUnavailable."""
    enrolled_delete(EnrolledFace.objects.filter(pk=face.pk), caller)
    traces_remove()


def enrolled_delete(rows: QuerySet[EnrolledFace], caller: Caller | None = None) -> int:
    """Deletes enrolled faces in batches, each in one transaction, and from the search index; returns how many.

    The index is first, so that an outage of its server stops this before any row is deleted. It is asked again after
    the transaction: another process may have added the faces back in between. Raises SearchUnavailable.
    """
    removed = 0
    while found := list(rows.order_by().values_list("pk", "collection")[:DELETE_BATCH]):
        unindex(found)
        with transaction.atomic():
            removed += rows_delete(found)
            if caller is not None:
                audit_note(caller, AuditAction.FACE_REMOVE, {collection for _, collection in found}, len(found))
        unindex(found)
        if len(found) == DELETE_BATCH:
            time.sleep(BREATH_S)
    return removed


def expired_faces_purge(now: datetime) -> int:
    """Deletes enrolled faces whose time is over; returns how many. Raises SearchUnavailable."""
    return enrolled_delete(EnrolledFace.objects.filter(expires_at__lte=now))


def rows_delete(found: Found) -> int:
    """Deletes the rows, and stored answers that may name them, in the caller's transaction; returns how many rows."""
    collections = {collection for _, collection in found}
    revision_raise(*collections)
    IdempotentRequest.objects.filter(collection__in=collections).delete()
    _, removed = EnrolledFace.objects.filter(pk__in=[key for key, _ in found]).delete()
    # Who was found by these faces goes with them, and is not counted.
    return removed.get(EnrolledFace._meta.label, 0)


def unindex(found: Found) -> None:
    """Removes faces from the search index. Raises SearchUnavailable."""
    for collection in {collection for _, collection in found}:
        forget_faces(collection, [key for key, owner in found if owner == collection])
