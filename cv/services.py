"""The only writers of the database."""

import contextlib
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cv.caller import Caller
from cv.choices import Source
from cv.engine.types import AnalysisOptions, AnalysisResult, Category, Estimate, FaceResult
from cv.models import Analysis, ApiKey, Face
from cv.pictures import pictures_before, suffix_of
from cv.selectors import KEY_MARK, key_hash
from cv.serving import served_engine

log = logging.getLogger(__name__)

# A picture younger than this may belong to a transaction that is still open.
ORPHAN_AGE = timedelta(hours=1)
# How stale "last used" may be: writing it on every request would make every read a write.
LAST_USED_STEP = timedelta(minutes=1)
PURGE_BATCH = 500


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What is kept beside the result: the picture, for how many days, and whom the client says it shows."""

    image: bool = False
    ttl_days: int | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """One image, validated by whoever took it in."""

    data: bytes
    source: Source
    options: AnalysisOptions = field(default_factory=AnalysisOptions)
    store: StoreOptions = field(default_factory=StoreOptions)


@dataclass(frozen=True, slots=True)
class Purged:
    """How much a purge removed."""

    analyses: int
    pictures: int


def analysis_create(request: AnalysisRequest, caller: Caller) -> Analysis:
    """Analyses the image and saves the result, whole or not at all. Raises EngineError."""
    result = served_engine().analyze(request.data, request.options)
    return analysis_save(result, request, caller)


def analysis_save(result: AnalysisResult, request: AnalysisRequest, caller: Caller) -> Analysis:
    """Saves an analysis with all its faces, and the picture where it is to be kept, in one transaction."""
    now = timezone.now()
    ttl_days = request.store.ttl_days
    analysis = Analysis(
        created_at=now,
        expires_at=None if ttl_days is None else now + timedelta(days=ttl_days),
        owner=caller.user,
        api_key=caller.api_key,
        subject=request.store.subject,
        source=request.source,
        image_width=result.image.width,
        image_height=result.image.height,
        image_sha256=result.image.sha256,
        asked_attributes=sorted(request.options.attributes),
        min_face_px=request.options.min_face_px,
        max_faces=request.options.max_faces,
        model_name=result.model.name,
        model_version=result.model.version,
        model_sha256=result.model.sha256,
        decode_ms=result.timing_ms.decode,
        detect_ms=result.timing_ms.detect,
        attributes_ms=result.timing_ms.attributes,
        total_ms=result.timing_ms.total,
        face_count=len(result.faces),
    )
    with _picture_kept(analysis, request), transaction.atomic():
        analysis.save(force_insert=True)
        Face.objects.bulk_create([_face_row(analysis, face) for face in result.faces])
    log.info("analysis saved", extra={"analysis": analysis.pk, "faces": analysis.face_count})
    return analysis


@contextlib.contextmanager
def _picture_kept(analysis: Analysis, request: AnalysisRequest) -> Iterator[None]:
    """Writes the picture before the rows that name it, and takes it back if they do not make it."""
    if request.store.image:
        analysis.picture.save(f"picture{suffix_of(request.data)}", ContentFile(request.data), save=False)
    try:
        yield
    except BaseException:
        if picture := analysis.picture.name:
            default_storage.delete(picture)
        raise


def _face_row(analysis: Analysis, face: FaceResult) -> Face:
    row = Face(
        analysis=analysis,
        index=face.index,
        box_x=face.box.x,
        box_y=face.box.y,
        box_width=face.box.width,
        box_height=face.box.height,
        confidence=face.confidence,
        landmark_points={
            name: list(getattr(face.landmarks, name))
            for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        },
        quality_score=face.quality.score,
        quality_warnings=[str(warning) for warning in face.quality.warnings],
    )
    if (age := face.attributes.age) is not None:
        row.age, row.age_low, row.age_high = _estimate_columns(age)
    if (beauty := face.attributes.beauty) is not None:
        row.beauty, row.beauty_low, row.beauty_high = _estimate_columns(beauty)
    if (gender := face.attributes.gender) is not None:
        row.gender, row.gender_probability = _category_columns(gender)
        row.probabilities["gender"] = dict(gender.probabilities)
    if (race := face.attributes.race) is not None:
        row.race, row.race_probability = _category_columns(race)
        row.probabilities["race"] = dict(race.probabilities)
    if (expression := face.attributes.expression) is not None:
        row.expression, row.expression_probability = _category_columns(expression)
        row.probabilities["expression"] = dict(expression.probabilities)
    return row


def _estimate_columns(estimate: Estimate) -> tuple[float, float, float]:
    low, high = estimate.interval
    return estimate.value, low, high


def _category_columns(category: Category) -> tuple[str, float]:
    # Plain text: database drivers have ideas of their own about enums.
    return str(category.label), category.probabilities[category.label]


def analysis_delete(analysis: Analysis) -> None:
    """Removes an analysis with its faces, and its picture once the rows are gone for good."""
    picture = analysis.picture.name
    with transaction.atomic():
        analysis.delete()
        if picture:
            transaction.on_commit(lambda: default_storage.delete(picture))


def expired_purge(now: datetime | None = None) -> Purged:
    """Removes the analyses past their time, and pictures without a row (a process was killed between the two)."""
    now = now or timezone.now()
    analyses = 0
    while batch := list(Analysis.objects.filter(expires_at__lte=now)[:PURGE_BATCH]):
        for analysis in batch:
            analysis_delete(analysis)
        analyses += len(batch)
    kept = set(Analysis.objects.exclude(picture="").values_list("picture", flat=True))
    orphans = [name for name in pictures_before(timezone.now() - ORPHAN_AGE) if name not in kept]
    for name in orphans:
        default_storage.delete(name)
    return Purged(analyses=analyses, pictures=len(orphans))


def api_key_create(name: str, user: User | None = None, ttl_days: int | None = None) -> tuple[ApiKey, str]:
    """Makes a key; its text is returned this once and cannot be found out again."""
    prefix = secrets.token_hex(6)
    key = f"{KEY_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    now = timezone.now()
    row = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        sha256=key_hash(key),
        user=user,
        created_at=now,
        expires_at=None if ttl_days is None else now + timedelta(days=ttl_days),
    )
    return row, key


def api_key_touch(row: ApiKey) -> None:
    """Notes that the key was used, at most once a minute."""
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at >= LAST_USED_STEP:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - LAST_USED_STEP)
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def api_key_revoke(row: ApiKey) -> None:
    """Shuts the key out from the next request on."""
    ApiKey.objects.filter(pk=row.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def admin_create(username: str) -> tuple[User, str]:
    """Makes an administrator with a random password, which is returned this once."""
    password = secrets.token_urlsafe(12)
    return User.objects.create_superuser(username=username, password=password), password
