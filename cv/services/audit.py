"""Writes the audit log."""

from collections.abc import Iterable
from typing import Final

from cv.choices import AuditAction
from cv.models import AuditEvent
from cv.trust.caller import Caller
from telemetry.logs import request_id

# A command on the server runs without a key or a log-in.
COMMAND: Final = "command"


def audit_note(
    caller: Caller | None, action: AuditAction, objects: Iterable[object] = (), count: int | None = None
) -> None:
    """Writes an audit event: who did what to which rows, by id. Without a caller, a command did it."""
    names = [str(name) for name in objects]
    AuditEvent.objects.create(
        actor=COMMAND if caller is None else caller.name,
        action=action,
        objects_named=names,
        count=len(names) if count is None else count,
        request_id=request_id.get(),
    )
