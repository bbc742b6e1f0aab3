"""Reads from the database, limited to what a caller may see."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from cv.abstention import sure
from cv.engine.labels import Attribute
from cv.models import (
    Analysis,
    ApiKey,
    AuditEvent,
    Collection,
    EnrolledFace,
    Face,
    FaceChip,
    FaceGroup,
    FaceLabel,
    FaceVector,
    FoundPerson,
    Job,
    NotThisPerson,
    Webhook,
    WebhookDelivery,
)
from cv.trust.caller import Caller
from cv.trust.links import opens

KEY_MARK = "xc"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisFilter:
    """All given conditions must hold. Those about a face must hold for the same face.

    A face whose answer abstained has no known label or value, so it matches a condition about that attribute only with
    ``unsure``.
    """

    created_after: datetime | None = None
    created_before: datetime | None = None
    subject: str | None = None
    model_version: str | None = None
    gender: str | None = None
    race: str | None = None
    expression: str | None = None
    min_age: float | None = None
    max_age: float | None = None
    min_beauty: float | None = None
    max_beauty: float | None = None
    min_quality: float | None = None
    unsure: bool = False


def analyses_of(caller: Caller, wanted: AnalysisFilter | None = None) -> QuerySet[Analysis]:
    """The caller's analyses with their faces, without expired ones, even if they are not purged yet."""
    rows = Analysis.objects.filter(caller.owned).filter(unexpired()).prefetch_related("faces", "models")
    return rows if wanted is None else _narrowed(rows, wanted)


def readable_analyses(caller: Caller, analysis_id: UUID, token: str) -> QuerySet[Analysis]:
    """The analysis if it is the caller's, or if a person has a link to it; otherwise nothing."""
    if caller.api_key is None and token and opens(token, analysis_id):
        rows = Analysis.objects.filter(unexpired()).prefetch_related("faces", "models")
    else:
        rows = analyses_of(caller)
    return rows.filter(pk=analysis_id)


def subject_analyses(caller: Caller, subject: str, of_everyone: bool = False) -> QuerySet[Analysis]:
    """The subject's analyses, oldest first, including expired ones that are not purged yet."""
    owned = Q() if of_everyone else caller.owned
    rows = Analysis.objects.filter(owned, subject=subject).order_by("created_at", "pk")
    grouping = ("faces__vector__grouped", "faces__vector__negatives")
    related = ("faces__labels", *grouping, "faces__chip", "faces__track", "models")
    return rows.select_related("api_key", "video").prefetch_related(*related)


def labelled_faces(caller: Caller) -> QuerySet[Face]:
    """The caller's faces that people labelled, with labels and analyses, oldest analysis first."""
    analyses = Analysis.objects.filter(caller.owned).filter(unexpired()).order_by()
    rows = Face.objects.filter(Exists(FaceLabel.objects.filter(face=OuterRef("pk"))), analysis__in=analyses)
    ordered = rows.order_by("analysis__created_at", "analysis", "index")
    return ordered.select_related("analysis").prefetch_related("labels")


def jobs_of(caller: Caller) -> QuerySet[Job]:
    """The caller's jobs, newest first."""
    return Job.objects.filter(caller.owned)


def subject_jobs(caller: Caller, subject: str, of_everyone: bool = False) -> QuerySet[Job]:
    """Jobs that store all their analyses under the subject."""
    owned = Q() if of_everyone else caller.owned
    return Job.objects.filter(owned, subject=subject).order_by("created_at", "pk")


def collections_of(caller: Caller) -> QuerySet[Collection]:
    """The caller's collections, newest first, with ``face_count`` and ``subject_count``."""
    return counted_collections(Collection.objects.filter(caller.owned))


def counted_collections(rows: QuerySet[Collection]) -> QuerySet[Collection]:
    """The rows with ``face_count`` and ``subject_count``: unexpired faces, and of how many people."""
    here = EnrolledFace.objects.filter(unexpired(), collection=OuterRef("pk")).order_by().values("collection")
    return rows.annotate(
        face_count=Coalesce(Subquery(here.annotate(found=Count("pk")).values("found")), 0),
        subject_count=Coalesce(Subquery(here.annotate(found=Count("subject", distinct=True)).values("found")), 0),
    )


def enrolled_faces(collection: Collection) -> QuerySet[EnrolledFace]:
    """The collection's faces, without expired ones, newest first; their vectors are not read."""
    return collection.faces.filter(unexpired()).defer("vector")


def enrolled_subjects(collection: Collection) -> QuerySet[Any, Any]:
    """The people of the collection by name, each as a dictionary with ``face_count`` and when they were enrolled."""
    people = enrolled_faces(collection).order_by("subject").values("subject")
    return people.annotate(
        face_count=Count("pk"), first_enrolled_at=Min("created_at"), last_enrolled_at=Max("created_at")
    )


def subject_faces(caller: Caller, subject: str, of_everyone: bool = False) -> QuerySet[EnrolledFace]:
    """The subject's enrolled faces in all of the caller's collections, including expired ones not purged yet."""
    owned = Q() if of_everyone else Q(collection__in=Collection.objects.filter(caller.owned).order_by())
    return EnrolledFace.objects.filter(owned, subject=subject).select_related("collection").order_by("pk")


def subject_negatives(caller: Caller, subject: str, of_everyone: bool = False) -> QuerySet[NotThisPerson]:
    """What was said of faces that are not this subject, in all of the caller's collections."""
    owned = Q() if of_everyone else Q(collection__in=Collection.objects.filter(caller.owned).order_by())
    return NotThisPerson.objects.filter(owned, subject=subject)


def found_people(rows: QuerySet[FoundPerson]) -> QuerySet[FoundPerson]:
    """Those of the rows whose enrolled face has not expired, with that face but not its vector; the best first."""
    alive = EnrolledFace.objects.filter(unexpired()).order_by().values("pk")
    return rows.filter(enrolled__in=alive).select_related("enrolled").defer("enrolled__vector")


def kept_chips(rows: Iterable[Analysis], most: int) -> dict[UUID, list[int]]:
    """The first faces of each analysis whose small picture is kept: at most ``most`` indices of each."""
    kept: dict[UUID, list[int]] = {}
    found = FaceChip.objects.filter(face__analysis__in=[row.pk for row in rows], face__index__lt=most)
    for analysis, index in found.order_by("face__index").values_list("face__analysis", "face__index"):
        kept.setdefault(analysis, []).append(index)
    return kept


def face_vectors(caller: Caller, collection: Collection, job: Job | None = None) -> QuerySet[FaceVector]:
    """The vectors that can be grouped in the collection: of the caller's analyses, or of those of a job."""
    wanted = analyses_of(caller)
    if job is not None:
        wanted = wanted.filter(pk__in=job.items.exclude(analysis=None).values("analysis"))
    analyses = wanted.order_by().values("pk")
    return FaceVector.objects.filter(model_sha256=collection.model_sha256, face__analysis__in=analyses)


def face_groups(collection: Collection) -> QuerySet[FaceGroup]:
    """The groups of the collection, the largest first, with ``face_count``."""
    return (
        collection.groups.annotate(face_count=Count("members")).filter(face_count__gt=0).order_by("-face_count", "-pk")
    )


def unexpired() -> Q:
    return Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())


def _narrowed(rows: QuerySet[Analysis], wanted: AnalysisFilter) -> QuerySet[Analysis]:
    on_analysis = {
        "created_at__gte": wanted.created_after,
        "created_at__lt": wanted.created_before,
        "subject": wanted.subject,
        "model_version": wanted.model_version,
    }
    rows = rows.filter(**_given(on_analysis))
    if on_face := _on_face(wanted):
        rows = rows.filter(Exists(Face.objects.filter(on_face, analysis=OuterRef("pk"))))
    return rows


def matching_faces(rows: Iterable[Analysis], wanted: AnalysisFilter) -> dict[UUID, list[int]]:
    """Which faces of each analysis meet the conditions about a face, by index; empty if there are none."""
    on_face = _on_face(wanted)
    if not on_face:
        return {}
    found: dict[UUID, list[int]] = {}
    faces = Face.objects.filter(on_face, analysis__in=[row.pk for row in rows]).order_by("index")
    for analysis, index in faces.values_list("analysis", "index"):
        found.setdefault(analysis, []).append(index)
    return found


def _on_face(wanted: AnalysisFilter) -> Q:
    """The conditions that a single face must meet; falsy if there are none."""
    on_attribute: dict[Attribute, dict[str, Any]] = {
        Attribute.GENDER: {"gender": wanted.gender},
        Attribute.RACE: {"race": wanted.race},
        Attribute.EXPRESSION: {"expression": wanted.expression},
        Attribute.AGE: {"age__gte": wanted.min_age, "age__lte": wanted.max_age},
        Attribute.BEAUTY: {"beauty__gte": wanted.min_beauty, "beauty__lte": wanted.max_beauty},
    }
    on_face = Q(**_given({"quality_score__gte": wanted.min_quality}))
    for attribute, conditions in on_attribute.items():
        if given := _given(conditions):
            on_face &= Q(**given) if wanted.unsure else Q(**given) & sure(attribute)
    return on_face


def _given(conditions: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value is not None}


def api_keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.select_related("user")


def webhooks() -> QuerySet[Webhook]:
    return Webhook.objects.all()


def webhook_deliveries(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    return webhook.deliveries.all()


def audit_events(
    actor: str | None = None,
    action: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(**_given({"actor": actor, "action": action, "at__gte": after, "at__lt": before}))


def api_key_usable(key: str) -> ApiKey | None:
    """The key's row; None if the key is unknown, wrong, revoked or expired, or if its user may not log in any more."""
    mark, _, rest = key.partition("_")
    prefix, _, _ = rest.partition("_")
    if mark != KEY_MARK or not prefix or len(prefix) > 16:
        return None
    try:
        row = ApiKey.objects.select_related("user").get(prefix=prefix, revoked_at__isnull=True)
    except ApiKey.DoesNotExist:
        return None
    if not hmac.compare_digest(row.sha256, key_hash(key)):
        return None
    if row.expires_at is not None and row.expires_at <= timezone.now():
        return None
    if row.user is not None and not row.user.is_active:
        return None
    return row


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
