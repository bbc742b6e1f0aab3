"""Makes the database's file readable by its owner only, whatever the umask: it holds people's names and faces."""

import os
from pathlib import Path
from typing import Any, Final

OWNER_ONLY: Final = 0o600
# SQLite gives its files beside the database the database's mode.
BESIDE: Final = ("", "-wal", "-shm", "-journal")


def keep_private(database: dict[str, Any]) -> None:
    """Creates SQLite's file if it is missing, and removes others' access to it and to the files beside it.

    Does nothing for other databases, for a database in memory, and if the folder is missing or belongs to another user.
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
        # This user may not change the mode; the server, which owns the file, does it.
        return
