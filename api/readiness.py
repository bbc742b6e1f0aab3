"""Checks what the service depends on: the database, the disk, the store of the limits, the engines."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, connection

from cv.engine.answering import EngineFailed
from cv.engine.errors import ModelNotReady
from cv.engine.pool import EngineDied, EnginesBusy
from cv.services.readiness import database_check
from cv.serving.engines import served_engine

log = logging.getLogger(__name__)

# The longest wait for a lock of the database or for an engine: the check holds a thread of the server meanwhile.
PATIENCE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Problem:
    """``part`` of the service does not work, for a ``reason``; requests that need it get a 503 with ``code``."""

    part: str
    code: str
    reason: str


def problems() -> list[Problem]:
    """What does not work now. Loads an engine if none is loaded; a busy engine counts as ready."""
    checks = (_database_problems, _disk_problems, _limits_problems, _model_problems)
    return [problem for check in checks for problem in check()]


def _database_problems() -> Iterator[Problem]:
    try:
        database_check(PATIENCE_S)
    except DatabaseError:
        log.exception("the database cannot be written")
        yield Problem("database", "database_unavailable", "does not answer or cannot be written")


def _disk_problems() -> Iterator[Problem]:
    floor = settings.XCLOUD_DISK_FLOOR_BYTES
    free = min(shutil.disk_usage(_existing(folder)).free for folder in _folders_written())
    if free < floor:
        log.error("the disk is full", extra={"free": free, "floor": floor})
        yield Problem("disk", "storage_unavailable", f"has {free:,} bytes left; the floor is {floor:,}")


def _folders_written() -> Iterator[Path]:
    yield settings.VAR_DIR
    if isinstance(default_storage, FileSystemStorage):
        yield Path(default_storage.location)
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and Path(name).is_absolute():
        yield Path(name).parent


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _limits_problems() -> Iterator[Problem]:
    try:
        cache.set("readyz", True, timeout=10)
    except Exception:
        # Each cache backend raises its own errors.
        log.exception("the store of the limits does not answer")
        yield Problem("limits", "limits_unavailable", "the store that counts requests does not answer")


def _model_problems() -> Iterator[Problem]:
    try:
        _check_engines()
    except (ModelNotReady, EngineDied, EngineFailed, OSError) as error:
        log.exception("the model is not ready")
        yield Problem("model", "model_not_ready", str(error))


def _check_engines() -> None:
    """Raises ModelNotReady, EngineFailed, and EngineDied, also if no engine answers within an image's time limit."""
    engines = served_engine()
    if engines.silent_s() > settings.XCLOUD_ENGINE.image_seconds:
        raise EngineDied(f"no engine has answered for {engines.silent_s():.0f} s")
    with contextlib.suppress(EnginesBusy):
        engines.check(patience_s=PATIENCE_S)
