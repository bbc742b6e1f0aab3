"""Writes the audit log."""

from collections.abc import Iterable

from cv.choices import AuditAction
from cv.models import AuditEvent
from cv.trust.caller import Caller
from telemetry.logs import request_id


def audit_note(caller: Caller, action: AuditAction, objects: Iterable[object] = (), count: int | None = None) -> None:
    """Writes an audit event: who did what to which rows, by id."""
    names = [str(name) for name in objects]
    AuditEvent.objects.create(
        actor=caller.name,
        action=action,
        objects_named=names,
        count=len(names) if count is None else count,
        request_id=request_id.get(),
    )
