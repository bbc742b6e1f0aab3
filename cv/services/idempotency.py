"""Stores the answers of requests with an ``Idempotency-Key``, so that a repeated request is not executed again."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from cv.models import IdempotentRequest
from cv.services.purge import ANSWERS_KEPT
from cv.serving.processes import has_died, this_process
from cv.trust.caller import Caller
from cv.trust.sealing import Unreadable, keyed_digest, seal, unseal

# If a request is unanswered for this long, its process has probably died on another machine, and a repeated request
# may take over. A process on this machine is known to be dead at once.
GIVEN_UP = timedelta(minutes=5)


class IdempotencyConflict(Exception):
    """The same request is still in progress, or its answer is lost."""


class IdempotencyMismatch(Exception):
    """The key was used with a different request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer, to be sent again unchanged."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that this call may execute. ``key`` is the client's; the row does not contain it."""

    row: IdempotentRequest
    key: str


def request_begin(caller: Caller, key: str, content: str) -> Begun | Answer:
    """Reserves the request for this call, or returns its stored answer.

    Raises IdempotencyConflict, IdempotencyMismatch.

    ``content`` distinguishes requests. It may name a person, so only a digest is stored, keyed by the server's secret
    and the client's key. If duplicates arrive concurrently, exactly one creates the row: the digest is unique on every
    database.
    """
    digest = keyed_digest("request", f"{caller.name}\n{key}")
    fingerprint = keyed_digest(f"content {key}", content)
    _forget_stale(digest)
    row = _begun(digest, fingerprint)
    if row is None and _forget_dead(digest):
        row = _begun(digest, fingerprint)
    if row is not None:
        return Begun(row, key)
    row = IdempotentRequest.objects.filter(digest=digest).first()
    if row is None:
        # Deleted between the two queries: the other request has just failed.
        raise IdempotencyConflict("the first request with this key failed; try again")
    if row.fingerprint != fingerprint:
        raise IdempotencyMismatch("this key was used with a different request; use a new key")
    if row.status is None:
        raise IdempotencyConflict("the first request with this key is still in progress")
    try:
        return Answer(row.status, json.loads(unseal(_purpose(key), row.answer)))
    except Unreadable:
        raise IdempotencyConflict("the stored answer to this key cannot be read; use a new key") from None


def _begun(digest: str, fingerprint: str) -> IdempotentRequest | None:
    """The new row; None if there is one already."""
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(digest=digest, fingerprint=fingerprint, process=this_process())
    except IntegrityError:
        return None


def _forget_dead(digest: str) -> bool:
    """Deletes the request if its process has died; returns whether it did."""
    row = IdempotentRequest.objects.filter(digest=digest, status__isnull=True).first()
    if row is None or not has_died(row.process):
        return False
    IdempotentRequest.objects.filter(pk=row.pk, status__isnull=True).delete()
    return True


def _forget_stale(digest: str) -> None:
    now = timezone.now()
    rows = IdempotentRequest.objects.filter(digest=digest)
    rows.filter(created_at__lte=now - ANSWERS_KEPT).delete()
    rows.filter(status__isnull=True, created_at__lte=now - GIVEN_UP).delete()


def request_finish(
    begun: Begun,
    status: int,
    body: Any,
    analysis_id: UUID | None,
    job_id: UUID | None = None,
    collection_id: UUID | None = None,
) -> None:
    """Stores the answer, sealed so that only the client's own key opens it.

    Call it in the transaction that does the work, so that both are committed or neither is. Raises IdempotencyConflict
    if the work took so long that a repeated request may have taken over.
    """
    text = seal(_purpose(begun.key), json.dumps(body, default=str))
    rows = IdempotentRequest.objects.filter(pk=begun.row.pk, status__isnull=True)
    about = {"analysis_id": analysis_id, "job_id": job_id, "collection_id": collection_id}
    if not rows.update(status=status, answer=text, **about):
        raise IdempotencyConflict("the first request with this key took too long and was aborted; try again")


def request_forget(begun: Begun) -> None:
    """After a failure, lets the client try again with the same key. A stored answer stays."""
    IdempotentRequest.objects.filter(pk=begun.row.pk, status__isnull=True).delete()


def _purpose(key: str) -> str:
    return f"answer {key}"
