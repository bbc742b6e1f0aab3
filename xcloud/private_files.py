"""The database's file is for its owner alone, whatever the umask: it has people's names and faces in it."""

import os
from pathlib import Path
from typing import Any, Final

OWNER_ONLY: Final = 0o600
# SQLite gives the files beside the database the mode that the database has.
BESIDE: Final = ("", "-wal", "-shm", "-journal")


def keep_private(database: dict[str, Any]) -> None:
    """Makes SQLite's file where it is not there yet, and closes it and those beside it to others.

    Does nothing for other databases, in memory, and where the folder is missing or somebody else's.
    """
    file = Path(database["NAME"])
    if not database["ENGINE"].endswith("sqlite3") or database["NAME"] == ":memory:" or not file.parent.is_dir():
        return
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDONLY, OWNER_ONLY))
        for suffix in BESIDE:
            beside = file.with_name(file.name + suffix)
            if beside.exists() and beside.stat().st_mode & 0o077:
                beside.chmod(OWNER_ONLY)
    except OSError:
        # Whoever runs this may not; the server that owns the file does it.
        return
