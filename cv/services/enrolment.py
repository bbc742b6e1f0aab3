"""Enrols faces in a collection: all or none, and none that would spoil it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cv.choices import AuditAction, Scope
from cv.identity.errors import OtherModel
from cv.identity.odds import served_odds
from cv.models import Collection, EnrolledFace
from cv.models.collections import enrolled_place
from cv.search.room import check_room
from cv.search.served import served_index
from cv.selectors import enrolled_faces
from cv.services.analyses import nothing_more
from cv.services.audit import audit_note
from cv.services.enrolment_checks import Comparison, NewFace, RefusalReason, Rules, known_faces
from cv.services.enrolment_errors import EnrolmentTooLarge
from cv.services.revisions import revision_raise
from cv.trust.caller import Caller
from cv.trust.vectors import seal_vector

MAX_FACES: Final = 10_000
INSERTED_AT_ONCE: Final = 500
# A stranger is taken for one of the collection in at most this share of enrolments.
FMR_OF_ANOTHER: Final = 1e-3
# A face is far from a subject if it is less similar than the most similar hundredth of strangers.
FMR_OF_FAR: Final = 1e-2


def faces_enrol(
    collection: Collection,
    new: Sequence[NewFace],
    caller: Caller,
    accepted: frozenset[RefusalReason] = frozenset(),
    saved: Callable[[list[EnrolledFace]], None] = nothing_more,
) -> list[EnrolledFace]:
    """Enrols all faces or none, in one transaction with the line in the audit log.

    ``saved`` is called with the rows in that transaction. Raises EnrolmentRefused, Collection.DoesNotExist,
    IndexBehind, SearchUnavailable, which CollectionTooLarge is, too, Unreadable.
    """
    if len(new) > MAX_FACES:
        raise EnrolmentTooLarge(f"one enrolment has at most {MAX_FACES:,} faces, not {len(new):,}", "faces")
    if any(face.vector.shape != (collection.dimensions,) for face in new):
        raise OtherModel(f"vectors of this collection have {collection.dimensions} numbers", "faces")
    check_room(served_index(), collection.faces.count() + len(new), collection.dimensions)
    rules = enrolment_rules(collection, caller)
    # Of this collection: another's may be committed with a higher key before one of this that was given a lower one.
    newest = collection.faces.order_by("-pk").values_list("pk", flat=True).first() or 0
    comparison = Comparison(new)
    comparison.compare_each_other()
    comparison.compare_stored(collection)
    comparison.judge(rules, accepted)
    with transaction.atomic():
        held = Collection.objects.select_for_update().get(pk=collection.pk)
        # Enrolled by others while this call compared.
        comparison.compare(known_faces(held.faces.filter(pk__gt=newest), held.dimensions))
        comparison.judge(rules, accepted)
        now = timezone.now()
        rows = [_row(held, face, now) for face in new]
        EnrolledFace.objects.bulk_create(rows, batch_size=INSERTED_AT_ONCE)
        revision_raise(held.pk)
        audit_note(caller, AuditAction.FACE_ENROL, [held.pk], count=len(rows))
        saved(rows)
    return rows


def enrolment_rules(collection: Collection, caller: Caller) -> Rules:
    """A face is someone else's if a search would say so. The refusal names them only to those who may read."""
    odds = served_odds()
    another = odds.threshold(FMR_OF_ANOTHER, enrolled_faces(collection).count())
    return Rules(far=odds.threshold(FMR_OF_FAR), another=another, name=Scope.READ in caller.scopes)


def _row(collection: Collection, face: NewFace, now: datetime) -> EnrolledFace:
    uuid, days = uuid4(), face.ttl_days or collection.ttl_days or settings.XCLOUD_DEFAULT_TTL_DAYS
    return EnrolledFace(
        uuid=uuid,
        collection=collection,
        subject=face.subject,
        created_at=now,
        expires_at=now + timedelta(days=days) if days else None,
        consent=face.consent,
        image_sha256=face.image_sha256,
        quality_score=face.quality_score,
        vector=seal_vector(face.vector, enrolled_place(uuid)),
    )
