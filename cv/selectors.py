"""What is read from the database, and for whom."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from cv.caller import Caller
from cv.models import Analysis, ApiKey, Face

KEY_MARK = "xc"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisFilter:
    """All that are given must hold; those about a face must hold for one and the same face."""

    created_after: datetime | None = None
    created_before: datetime | None = None
    subject: str | None = None
    gender: str | None = None
    race: str | None = None
    expression: str | None = None
    min_age: float | None = None
    max_age: float | None = None


def analyses_of(caller: Caller, wanted: AnalysisFilter | None = None) -> QuerySet[Analysis]:
    """The caller's analyses with their faces; expired ones are gone for everyone, purged or not."""
    rows = Analysis.objects.filter(caller.owned).filter(unexpired()).prefetch_related("faces")
    return rows if wanted is None else _narrowed(rows, wanted)


def unexpired() -> Q:
    return Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())


def _narrowed(rows: QuerySet[Analysis], wanted: AnalysisFilter) -> QuerySet[Analysis]:
    on_analysis = {
        "created_at__gte": wanted.created_after,
        "created_at__lt": wanted.created_before,
        "subject": wanted.subject,
    }
    on_face = {
        "gender": wanted.gender,
        "race": wanted.race,
        "expression": wanted.expression,
        "age__gte": wanted.min_age,
        "age__lte": wanted.max_age,
    }
    rows = rows.filter(**_given(on_analysis))
    if face := _given(on_face):
        rows = rows.filter(Exists(Face.objects.filter(analysis=OuterRef("pk"), **face)))
    return rows


def _given(conditions: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in conditions.items() if value is not None}


def api_key_usable(key: str) -> ApiKey | None:
    """The key's row, unless it is unknown, wrong, revoked, expired, or its user may not log in any more."""
    mark, _, rest = key.partition("_")
    prefix, _, _ = rest.partition("_")
    if mark != KEY_MARK or not prefix or len(prefix) > 16:
        return None
    row = ApiKey.objects.select_related("user").filter(prefix=prefix, revoked_at__isnull=True).first()
    if row is None or not hmac.compare_digest(row.sha256, key_hash(key)):
        return None
    if row.expires_at is not None and row.expires_at <= timezone.now():
        return None
    if row.user is not None and not row.user.is_active:
        return None
    return row


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
