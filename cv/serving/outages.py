"""Tells outages of dependencies (database, disk, search index, store of the limits) from the service's own errors."""

import errno
import sys
from dataclasses import dataclass
from typing import Final

from django.db import InterfaceError, InternalError, OperationalError

from cv.files.stores import StorageUnavailable

# The errors of a disk that is full, read-only or broken.
DISK_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
# PostgreSQL's error for a write to a read-only database; Django raises InternalError for it.
READ_ONLY_SQLSTATE: Final = "25006"


@dataclass(frozen=True, slots=True)
class Outage:
    """``code`` is stable and part of the public API."""

    code: str
    message: str
    retry_after_s: int = 10


DATABASE: Final = Outage("database_unavailable", "the database does not answer or cannot be written; try again", 5)
_SEARCH_UNAVAILABLE: Final = "search_unavailable"
LIMITS: Final = Outage("limits_unavailable", "the store that counts requests does not answer; try again", 5)


def outage_of(error: BaseException | None) -> Outage | None:
    """The outage that caused ``error``; None if it was not caused by one."""
    match error:
        case StorageUnavailable():
            return Outage(error.code, str(error))
        # Its class is in a room that imports this one.
        case Exception() if getattr(error, "code", "") == _SEARCH_UNAVAILABLE:
            return Outage(_SEARCH_UNAVAILABLE, str(error))
        case OperationalError() | InterfaceError():
            return DATABASE
        case InternalError() if getattr(error.__cause__, "sqlstate", None) == READ_ONLY_SQLSTATE:
            return DATABASE
        # Imported only by a server that uses Redis: it takes 5 MB.
        case Exception() if (redis := sys.modules.get("redis")) and isinstance(error, redis.RedisError):
            return LIMITS
        case OSError() if error.errno in DISK_ERRORS:
            return Outage(StorageUnavailable.code, f"the disk cannot be written ({error.strerror}); try again")
    return None
