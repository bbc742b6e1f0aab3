"""Remembers requests that came with an ``Idempotency-Key``, so that a repeated one is answered and not done again."""

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

# A request still unanswered after this long died with its process, on another machine; the next one takes it over. Of
# processes on this machine that is known at once.
GIVEN_UP = timedelta(minutes=5)


class IdempotencyConflict(Exception):
    """The key came with another request before, or the same one is still being worked on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: to be given again as it was."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Begun:
    """A request of ours to work on; ``key`` is the client's, which the row does not hold."""

    row: IdempotentRequest
    key: str


def request_begin(caller: Caller, key: str, content: str) -> Begun | Answer:
    """Takes the request to work on it, or finds its answer. Raises IdempotencyConflict.

    ``content`` tells requests apart. It may name a person: what is kept of it is a digest, keyed by the server's
    secret and the client's key. Of concurrent duplicates exactly one gets the row, which the unique digest sees to on
    every database.
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
        # Gone between the two: the other one failed just now.
        raise IdempotencyConflict("the first request with this key failed; try again")
    if row.fingerprint != fingerprint:
        raise IdempotencyConflict("this key was used with a different request; use a new key")
    if row.status is None:
        raise IdempotencyConflict("the first request with this key is still in progress")
    try:
        return Answer(row.status, json.loads(unseal(_purpose(key), row.answer)))
    except Unreadable:
        raise IdempotencyConflict("the stored answer to this key cannot be read; use a new key") from None


def _begun(digest: str, fingerprint: str) -> IdempotentRequest | None:
    """The row that was made; None if there is one already."""
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(digest=digest, fingerprint=fingerprint, process=this_process())
    except IntegrityError:
        return None


def _forget_dead(digest: str) -> bool:
    """Forgets a request whose process was killed; whether it was."""
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


def request_finish(begun: Begun, status: int, body: Any, analysis_id: UUID | None, job_id: UUID | None = None) -> None:
    """Keeps the answer, sealed so that only the client's own key opens it.

    Called in the transaction that does what was asked, so that both are kept or neither. Raises IdempotencyConflict
    where this took so long that it was given up and the request may have been taken over.
    """
    text = seal(_purpose(begun.key), json.dumps(body, default=str))
    rows = IdempotentRequest.objects.filter(pk=begun.row.pk, status__isnull=True)
    if not rows.update(status=status, answer=text, analysis_id=analysis_id, job_id=job_id):
        raise IdempotencyConflict("the first request with this key took too long and was aborted; try again")


def request_forget(begun: Begun) -> None:
    """After a failure: the client may try again with the same key. An answer that was kept stays."""
    IdempotentRequest.objects.filter(pk=begun.row.pk, status__isnull=True).delete()


def _purpose(key: str) -> str:
    return f"answer {key}"
