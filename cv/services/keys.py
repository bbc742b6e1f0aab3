"""Creates, changes and revokes API keys, and creates administrators."""

import contextlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cv.choices import Scope
from cv.jobs.errors import JobConflict
from cv.models import ApiKey, Job, default_scopes
from cv.selectors import KEY_MARK, key_hash
from cv.services.jobs import OPEN, job_cancel

# How stale "last used" may be. Updating it on every request would turn every read into a write.
LAST_USED_STEP = timedelta(minutes=1)


def api_key_create(
    name: str,
    user: User | None = None,
    ttl_days: int | None = None,
    *,
    scopes: Iterable[Scope] | None = None,
    attributes: Iterable[str] | None = None,
    rate_per_minute: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Creates a key. Its text is returned only here and cannot be recovered."""
    prefix = secrets.token_hex(6)
    key = f"{KEY_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    now = timezone.now()
    row = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        sha256=key_hash(key),
        user=user,
        scopes=default_scopes() if scopes is None else in_order(scopes),
        attributes=None if attributes is None else in_order(attributes),
        rate_per_minute=rate_per_minute,
        created_at=now,
        expires_at=expires_at if ttl_days is None else now + timedelta(days=ttl_days),
    )
    return row, key


def api_key_update(row: ApiKey, **changes: Any) -> ApiKey:
    """Changes the given fields: name, scopes, attributes, rate_per_minute, expires_at.

    Raises ApiKey.DoesNotExist if the key was deleted concurrently with its user.
    """
    for name in ("scopes", "attributes"):
        if changes.get(name) is not None:
            changes[name] = in_order(changes[name])
    with transaction.atomic():
        row = ApiKey.objects.select_for_update().get(pk=row.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=list(changes))
    return row


def in_order(names: Iterable[str]) -> list[str]:
    """The names as plain text, sorted and without duplicates."""
    return sorted({str(name) for name in names})


def api_key_touch(row: ApiKey) -> None:
    """Updates when the key was last used, at most once a minute."""
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at >= LAST_USED_STEP:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - LAST_USED_STEP)
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def api_key_revoke(row: ApiKey) -> None:
    """Revokes the key from the next request on, and cancels its jobs."""
    ApiKey.objects.filter(pk=row.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    for job in Job.objects.filter(api_key=row, state__in=OPEN):
        with contextlib.suppress(JobConflict, Job.DoesNotExist):
            job_cancel(job)


def admin_create(username: str) -> tuple[User, str]:
    """Creates an administrator with a random password, which is returned only here."""
    password = secrets.token_urlsafe(12)
    return User.objects.create_superuser(username=username, password=password), password
