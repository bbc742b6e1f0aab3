"""Analyzes images, and saves, renews and deletes their analyses."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cv.choices import AuditAction, Source, WebhookEvent
from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisOptions, AnalysisResult, Picture
from cv.files.pictures import kept_picture
from cv.files.removal import ask_storage
from cv.files.stores import StorageUnavailable
from cv.identity.faces import computed_for, only
from cv.models import (
    Analysis,
    AnalysisModel,
    Face,
    FaceAnswer,
    FaceChip,
    FaceVector,
    IdempotentRequest,
    answer_value,
    face_row,
    further_answers,
    image_columns,
    model_row,
    result_columns,
)
from cv.services.audit import audit_note
from cv.services.deletions import files_list, files_remove
from cv.services.face_moves import faces_follow, faces_hold
from cv.services.face_vectors import vector_row
from cv.services.traces import traces_remove
from cv.services.webhooks import event_emit
from cv.serving.engines import analyzed, assume_connected
from cv.trust.caller import Caller
from cv.trust.chips import seal_chip

log = logging.getLogger(__name__)

DELETE_BATCH = 200
# The pause between two transactions of a long deletion. Others who wait for SQLite's lock only poll for it.
BREATH_S = 0.05


class NoPictureKept(Exception):
    """The analysis has no kept picture that could be analyzed again."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What is stored with the result: the picture or, without it, small pictures of its faces (``chips``); the number
    of days; and the subject that the client names."""

    image: bool = False
    ttl_days: int | None = None
    subject: str = ""
    chips: bool = False

    @property
    def keeps_chips(self) -> bool:
        return self.chips and not self.image


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """One image to analyze. The caller has validated it."""

    data: bytes
    source: Source
    options: AnalysisOptions = field(default_factory=AnalysisOptions)
    store: StoreOptions = field(default_factory=StoreOptions)
    # The id for the analysis. Saving a second analysis under the same id fails.
    pk: UUID | None = None
    # The analysis expires at this time at the latest, even if ``store`` allows longer.
    expires_by: datetime | None = None


def nothing_more(*_: object) -> None:
    """The default of ``saved``: writes nothing more in the transaction."""


def nothing_first() -> None:
    """The default of ``first``: checks nothing before the rows are written."""


def analysis_answer(
    request: AnalysisRequest, caller: Caller, check_client: Callable[[], None] = assume_connected
) -> AnalysisResult:
    """Analyzes the image and keeps nothing: no row, no file, no audit event and no webhook event.

    Attributes that the caller is not allowed to see are not computed. ``check_client`` as for ``analysis_create``.
    Raises EngineError, Overloaded.
    """
    options = replace(request.options, attributes=caller.may_compute(request.options.attributes))
    return analyzed(request.data, options, caller.account, check_client)


def analysis_create(
    request: AnalysisRequest,
    caller: Caller,
    check_client: Callable[[], None] = assume_connected,
    saved: Callable[[Analysis, AnalysisResult], None] = nothing_more,
) -> Analysis:
    """Analyzes the image and saves the result, completely or not at all.

    Attributes that the caller is not allowed to see are neither computed nor stored. ``check_client`` raises if the
    client disconnected while this call waited for the engine. ``saved`` is called with the analysis and the result in
    the transaction that saves them, so both are committed or neither is. Raises EngineError, Overloaded,
    StorageUnavailable.
    """
    options = replace(
        request.options,
        attributes=caller.may_compute(request.options.attributes),
        picture=request.store.image,
        chips=request.store.keeps_chips,
    )
    computed = replace(options, attributes=computed_for(options.attributes))
    result = analyzed(request.data, computed, caller.account, check_client)
    return analysis_save(result, replace(request, options=options), caller, saved)


def analysis_reanalyse(
    analysis: Analysis,
    caller: Caller,
    check_client: Callable[[], None] = assume_connected,
    saved: Callable[[Analysis, AnalysisResult], None] = nothing_more,
) -> Analysis:
    """Analyzes the kept picture again with the current model. The analysis keeps its id and gets new faces.

    ``check_client`` and ``saved`` as for ``analysis_create``. Raises NoPictureKept, StorageUnavailable, EngineError,
    Overloaded, Unreadable.
    """
    data = kept_picture(analysis)
    if data is None:
        raise NoPictureKept
    options = AnalysisOptions(
        attributes=caller.may_compute(analysis.asked_attributes),
        min_face_px=analysis.min_face_px,
        max_faces=analysis.max_faces,
    )
    computed = replace(options, attributes=computed_for(options.attributes))
    full = analyzed(data, computed, caller.account, check_client)
    result = only(full, options.attributes)
    with transaction.atomic():
        # Raises Analysis.DoesNotExist if it was erased concurrently. The fresh row has no old faces prefetched.
        analysis = Analysis.objects.select_for_update().get(pk=analysis.pk)
        changed = result_columns(result) | {"asked_attributes": sorted(options.attributes)}
        for name, value in changed.items():
            setattr(analysis, name, value)
        analysis.save(update_fields=list(changed))
        held = faces_hold(analysis)
        Face.objects.filter(analysis=analysis).delete()
        AnalysisModel.objects.filter(analysis=analysis).delete()
        faces_follow(held, _answers_insert(analysis, result, full))
        # Stored answers of idempotent requests contain the old faces, so they are deleted, too.
        IdempotentRequest.objects.filter(analysis=analysis).delete()
        event_emit(WebhookEvent.ANALYSIS_UPDATED, _event_data(analysis))
        # The kept picture has no metadata, so its hash is not that of the image that was sent.
        saved(analysis, replace(result, image=analysis.image))
    return analysis


def analysis_save(
    result: AnalysisResult,
    request: AnalysisRequest,
    caller: Caller,
    saved: Callable[[Analysis, AnalysisResult], None] = nothing_more,
    first: Callable[[], None] = nothing_first,
) -> Analysis:
    """Saves an analysis with its faces in one transaction, and the picture that came with the result. Of the answers,
    those that the request asked for are saved, and given to ``saved``.

    ``first`` is called at the beginning of the transaction; if it raises, nothing is stored. The picture is written
    before the transaction begins, because a slow write would block other writers.
    """
    now, full = timezone.now(), result
    result = only(full, request.options.attributes)
    analysis = Analysis(
        id=request.pk or uuid4(),
        created_at=now,
        expires_at=_expiry(request, now),
        owner=caller.user,
        api_key=caller.api_key,
        subject=request.store.subject,
        source=request.source,
        asked_attributes=sorted(request.options.attributes),
        min_face_px=request.options.min_face_px,
        max_faces=request.options.max_faces,
        **image_columns(result.image),
        **result_columns(result),
    )
    with _picture_kept(analysis, result.picture), transaction.atomic():
        first()
        analysis.save(force_insert=True)
        _answers_insert(analysis, result, full)
        event_emit(WebhookEvent.ANALYSIS_CREATED, _event_data(analysis))
        saved(analysis, result)
    log.info("analysis saved", extra={"analysis": analysis.pk, "faces": analysis.face_count})
    return analysis


def _answers_insert(analysis: Analysis, result: AnalysisResult, full: AnalysisResult) -> list[Face]:
    """Saves the faces, the models that ran, and the answers that have no columns; returns the faces.

    ``full`` has what was computed for the doubts alone, too.
    """
    models = AnalysisModel.objects.bulk_create([model_row(analysis, run) for run in result.models])
    faces = Face.objects.bulk_create([face_row(analysis, face) for face in result.faces])
    model_of = {output: row for row, run in zip(models, result.models, strict=True) for output in run.outputs}
    FaceAnswer.objects.bulk_create(
        [
            FaceAnswer(face=row, model=model_of[output], output=output, value=answer_value(answer))
            for row, face in zip(faces, result.faces, strict=True)
            for output, answer in further_answers(face).items()
        ]
    )
    FaceChip.objects.bulk_create(
        [FaceChip(face=row, jpeg=seal_chip(jpeg, row.pk)) for row, jpeg in zip(faces, result.chips, strict=False)]
    )
    if (model := model_of.get(EMBEDDING.name)) is not None:
        FaceVector.objects.bulk_create([vector_row(*pair, model) for pair in zip(faces, full.faces, strict=True)])
    return faces


def _expiry(request: AnalysisRequest, now: datetime) -> datetime | None:
    ttl_days = request.store.ttl_days or settings.XCLOUD_DEFAULT_TTL_DAYS
    ends = [now + timedelta(days=ttl_days)] if ttl_days else []
    if request.expires_by is not None:
        ends.append(request.expires_by)
    return min(ends, default=None)


def _event_data(analysis: Analysis) -> dict[str, Any]:
    """The data of a webhook event about an analysis. They contain nothing about a face."""
    return {"analysis": str(analysis.pk), "faces": analysis.face_count}


@contextlib.contextmanager
def _picture_kept(analysis: Analysis, picture: Picture | None) -> Iterator[None]:
    """Writes the picture before the rows that name it, and deletes it if the rows cannot be saved."""
    if picture is not None:
        analysis.picture.save(f"picture{picture.suffix}", ContentFile(picture.data), save=False)
    try:
        yield
    except BaseException:
        # If the storage is unavailable by now, the next purge deletes the picture.
        with contextlib.suppress(StorageUnavailable):
            if name := analysis.picture.name:
                default_storage.delete(name)
        raise


def analysis_delete(analysis: Analysis, caller: Caller) -> None:
    """Deletes an analysis with its faces and its picture, and audits it. Raises StorageUnavailable."""
    analyses_delete(Analysis.objects.filter(pk=analysis.pk), caller)
    traces_remove()


def analyses_delete(rows: QuerySet[Analysis], caller: Caller | None = None) -> int:
    """Deletes all ``rows`` in batches; returns how many.

    Each batch is one transaction, with its webhook events and, if there is a ``caller``, its audit event. The pictures
    are deleted after it. Raises StorageUnavailable: usually before any row is deleted; otherwise the remaining
    pictures stay on the list of files to delete.
    """
    removed = 0
    while found := list(rows.order_by().values_list("pk", "picture")[:DELETE_BATCH]):
        ask_storage(picture for _, picture in found if picture)
        with transaction.atomic():
            held = Analysis.objects.select_for_update().filter(pk__in=[pk for pk, _ in found])
            ids, pictures = [], []
            for pk, picture in held.values_list("pk", "picture"):
                ids.append(pk)
                pictures += [picture] if picture else []
            event_emit(WebhookEvent.ANALYSIS_DELETED, *({"analysis": str(pk)} for pk in ids))
            Analysis.objects.filter(pk__in=ids).delete()
            files_list(pictures)
            if caller is not None and ids:
                audit_note(caller, AuditAction.ANALYSIS_ERASE, ids)
        files_remove(pictures)
        removed += len(ids)
        if len(found) == DELETE_BATCH:
            time.sleep(BREATH_S)
    return removed
