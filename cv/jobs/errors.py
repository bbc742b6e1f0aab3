"""Why a job is refused as a whole, and why one image of it fails; the codes are stable and part of the public API."""

from enum import StrEnum


class JobRefused(Exception):
    """Base of the ways in which a job is refused. ``field`` is the request's field that is to blame."""

    code = "invalid_request"
    field = "job"


class EmptyJob(JobRefused):
    """There is not one image in it."""

    code = "empty_job"


class TooManyItems(JobRefused):
    """More images than one job may have."""

    code = "too_many_items"


class ArchiveRefused(JobRefused):
    """Base of the ways in which an archive is refused as a whole."""

    field = "archive"


class NotAnArchive(ArchiveRefused):
    """Neither a ZIP nor a TAR."""

    code = "unsupported_media_type"


class ArchiveTooLarge(ArchiveRefused):
    """Too many bytes, packed or unpacked."""

    code = "archive_too_large"


class ArchiveEncrypted(ArchiveRefused):
    """There is something in it that only a password opens."""

    code = "archive_encrypted"


class ArchiveUnreadable(ArchiveRefused):
    """Truncated, damaged or built to mislead."""

    code = "archive_unreadable"


class FolderForbidden(JobRefused):
    """Not below a folder that the operator has allowed. The same for one that is not there: paths are not told."""

    code = "folder_forbidden"
    field = "folder"


class JobConflict(JobRefused):
    """The job's state does not let this happen to it."""

    code = "job_conflict"
    field = "state"


class ItemCode(StrEnum):
    """Why one image failed, beyond the codes of the engine and of addresses."""

    NOT_A_FILE = "not_a_file"
    ENTRY_UNREADABLE = "entry_unreadable"
    IMAGE_TOO_LARGE = "image_too_large"
    NOT_FOUND = "not_found"
    FOLDER_FORBIDDEN = "folder_forbidden"
    WORKER_LOST = "worker_lost"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INTERNAL_ERROR = "internal_error"


# Failures that say nothing about the image: another try may succeed, so its input is kept for a while.
MENDABLE = frozenset({ItemCode.WORKER_LOST, ItemCode.STORAGE_UNAVAILABLE, ItemCode.INTERNAL_ERROR})
