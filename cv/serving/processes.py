"""Tells whether a process of this service is alive. Each process holds a lock on its own file until it ends."""

import fcntl
import os
import uuid
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings

FOLDER: Final = "processes"


@cache
def this_process() -> str:
    """The name of this process, 32 letters and digits. Raises OSError if its file cannot be created."""
    name = uuid.uuid4().hex
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    # The file is locked before it gets its name, because an unlocked file means that its process is dead.
    draft = folder / f".{name}"
    # Stays open until the process ends. Unlike with flock, a forked child does not inherit the lock.
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    draft.rename(folder / name)
    return name


def has_died(name: str) -> bool:
    """Whether the process has ended. False if that is unknown, because it may run on another machine."""
    if not name or name == this_process():
        return False
    try:
        handle = os.open(_folder() / name, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def dead_processes() -> list[str]:
    """The names of processes on this machine that have ended and whose files still exist."""
    folder = _folder()
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    return [name for name in names if not name.startswith(".") and has_died(name)]


def forget_process(name: str) -> None:
    """Deletes the file of a dead process."""
    (_folder() / name).unlink(missing_ok=True)


def _folder() -> Path:
    folder: Path = settings.VAR_DIR / FOLDER
    return folder
