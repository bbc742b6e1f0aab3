"""Why a job is refused, and why a single image fails. The codes are stable and part of the public API."""

from enum import StrEnum


class JobRefused(Exception):
    """Base class: a job is refused. ``field`` is the request's field with the mistake."""

    code = "invalid_request"
    field = "job"


class EmptyJob(JobRefused):
    """The job contains no image."""

    code = "empty_job"


class TooManyItems(JobRefused):
    """The job has more images than allowed."""

    code = "too_many_items"


class ArchiveRefused(JobRefused):
    """Base class: an archive is refused."""

    field = "archive"


class NotAnArchive(ArchiveRefused):
    """The file is neither a ZIP nor a TAR."""

    code = "unsupported_media_type"


class ArchiveTooLarge(ArchiveRefused):
    """The archive has too many bytes, packed or unpacked."""

    code = "archive_too_large"


class ArchiveEncrypted(ArchiveRefused):
    """An entry needs a password."""

    code = "archive_encrypted"


class ArchiveUnreadable(ArchiveRefused):
    """The archive is truncated, damaged or malicious."""

    code = "archive_unreadable"


class FolderForbidden(JobRefused):
    """The operator did not allow this folder. A missing folder gives the same error, so that paths do not leak."""

    code = "folder_forbidden"
    field = "folder"


class JobConflict(JobRefused):
    """The job's state does not allow this change."""

    code = "job_conflict"
    field = "state"


class ItemCode(StrEnum):
    """Why one image failed, besides the codes of the engine and of fetching."""

    NOT_A_FILE = "not_a_file"
    ENTRY_UNREADABLE = "entry_unreadable"
    IMAGE_TOO_LARGE = "image_too_large"
    NOT_FOUND = "not_found"
    FOLDER_FORBIDDEN = "folder_forbidden"
    WORKER_LOST = "worker_lost"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INTERNAL_ERROR = "internal_error"
    # Of a job that searches a collection.
    COLLECTION_DELETED = "collection_deleted"
    SEARCH_FORBIDDEN = "search_forbidden"
    OTHER_MODEL = "other_model"
    INDEX_BEHIND = "index_behind"
    SEARCH_UNAVAILABLE = "search_unavailable"


# Failures that the image did not cause: a retry may succeed, so its input is kept for a while.
MENDABLE = frozenset(
    {
        ItemCode.WORKER_LOST,
        ItemCode.STORAGE_UNAVAILABLE,
        ItemCode.INTERNAL_ERROR,
        ItemCode.SEARCH_FORBIDDEN,
        ItemCode.INDEX_BEHIND,
        ItemCode.SEARCH_UNAVAILABLE,
    }
)
# Failures that the image itself, or a deleted collection, caused: every try ends so.
HOPELESS = frozenset(
    {
        ItemCode.COLLECTION_DELETED,
        ItemCode.NOT_A_FILE,
        ItemCode.ENTRY_UNREADABLE,
        ItemCode.IMAGE_TOO_LARGE,
        "image_too_expensive",
        "undecodable_image",
        "undecodable_video",
        "no_frames",
        "video_too_large",
        "video_too_long",
        "video_too_expensive",
        "unsupported_media_type",
    }
)
