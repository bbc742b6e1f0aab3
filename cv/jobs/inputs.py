"""The inputs of a job: lists its images, and loads their bytes for a worker.

An archive is stored as ``jobs/JOB/archive`` until its images are listed, and they, or a video, as ``jobs/JOB/INDEX``
until they are done. Names from clients are labels and never used as paths.
"""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Protocol
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from cv.choices import JobSource, Source
from cv.engine.errors import ImageTooLarge
from cv.files.stores import kept_files
from cv.jobs.archives import ArchiveLimits, archive_entries, check_archive, is_left_behind
from cv.jobs.errors import FolderForbidden, ItemCode, TooManyItems
from cv.models import Analysis, Job, JobItem
from cv.models.jobs import MAX_LABEL, MAX_LOCATION
from cv.outbound.addresses import UrlForbidden
from cv.outbound.fetch import fetch_image
from cv.selectors import unexpired
from cv.trust.caller import Caller

FOLDER: Final = "jobs"
# The sources whose inputs are kept in a folder of the job.
KEPT_SOURCES: Final = frozenset({JobSource.ARCHIVE, JobSource.VIDEO})
INPUT_NAME: Final = re.compile(rf"{FOLDER}/([0-9a-f]{{32}})/\w+")
IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".heif"}
)
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")


class InputGone(Exception):
    """The input of an item does not exist any more. ``code`` is the item's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class NewItem:
    """An image of a new job: its label and the location of its bytes, or the reason why there are none."""

    name: str
    location: str = ""
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image's bytes. If it is an earlier analysis's picture, also that analysis's subject and expiry."""

    data: bytes
    source: Source
    subject: str = ""
    expires_by: datetime | None = None


class JobInputs(Protocol):
    """The source of a job's images."""

    @property
    def source(self) -> JobSource: ...

    def items(self, job_id: UUID) -> Iterator[NewItem]:
        """Yields every image in order. Raises JobRefused, StorageUnavailable."""


@dataclass(frozen=True, slots=True)
class ArchiveInputs:
    """A ZIP or TAR, which a worker lists later."""

    file: IO[bytes]
    source: JobSource = JobSource.ARCHIVE
    # The file's name, to be displayed.
    name: str = ""

    def keep(self, job_id: UUID) -> str:
        """Stores the archive; returns its name. Raises ArchiveRefused, StorageUnavailable."""
        check_archive(self.file)
        return default_storage.save(f"{folder_of(job_id)}archive", File(self.file))

    def items(self, job_id: UUID) -> Iterator[NewItem]:
        """None yet."""
        return iter(())


@dataclass(frozen=True, slots=True)
class UrlInputs:
    """URLs, which the worker fetches."""

    urls: Sequence[str]
    source: JobSource = JobSource.URLS

    def items(self, job_id: UUID) -> Iterator[NewItem]:
        for url in self.urls:
            yield NewItem(label(without_query(url)), url)


@dataclass(frozen=True, slots=True)
class AnalysisInputs:
    """Earlier analyses, whose kept pictures are analyzed again as new analyses."""

    analyses: Sequence[UUID]
    source: JobSource = JobSource.ANALYSES

    def items(self, job_id: UUID) -> Iterator[NewItem]:
        for pk in self.analyses:
            yield NewItem(str(pk), str(pk))


@dataclass(frozen=True, slots=True)
class FolderInputs:
    """A folder of this server with its subfolders, which the operator has allowed."""

    folder: str
    source: JobSource = JobSource.FOLDER

    def items(self, job_id: UUID) -> Iterator[NewItem]:
        root = allowed_folder(self.folder)
        yield from (file_item(file, file.relative_to(root).as_posix()) for file in images_below(root))


def archive_items(file: IO[bytes], size: int, job_id: UUID, start: int) -> Iterator[NewItem | None]:
    """The images of an archive of ``size`` bytes in order; None for each before ``start``, which is not stored again.

    Stores each image. Raises ArchiveRefused, TooManyItems, StorageUnavailable.
    """
    limits = ArchiveLimits(
        settings.XCLOUD_JOB_MAX_ITEMS,
        settings.XCLOUD_ENGINE.limits.max_bytes,
        settings.XCLOUD_JOB_MAX_UNPACKED_BYTES,
    )
    for index, entry in enumerate(archive_entries(file, size, limits)):
        if index < start:
            yield None
            continue
        location = ""
        if not entry.code:
            location = default_storage.save(f"{folder_of(job_id)}{index}", ContentFile(entry.data))
        yield NewItem(label(entry.name), location, entry.code, entry.message)


def limited(items: Iterator[NewItem]) -> Iterator[NewItem]:
    """Passes items through. Raises TooManyItems if there are more than a job may have."""
    for count, item in enumerate(items, start=1):
        if count > settings.XCLOUD_JOB_MAX_ITEMS:
            raise TooManyItems(f"a job has at most {settings.XCLOUD_JOB_MAX_ITEMS:,} images")
        yield item


def load(item: JobItem, job: Job, caller: Caller) -> Loaded:
    """Loads the image's bytes. Raises InputGone, FetchError, ImageTooLarge, StorageUnavailable."""
    match job.source:
        case JobSource.URLS:
            if not settings.XCLOUD_URL_INPUT:
                raise UrlForbidden("this server does not fetch images from URLs")
            limit = settings.XCLOUD_ENGINE.limits.max_bytes
            return Loaded(fetch_image(item.location, limit, caller.account), Source.URL)
        case JobSource.ANALYSES:
            return _picture_of(item, caller)
        case JobSource.FOLDER:
            return Loaded(_read_allowed(Path(item.location)), Source.FOLDER)
        case JobSource.LOCAL:
            return Loaded(_read(Path(item.location)), Source.FOLDER)
    return Loaded(_kept(item.location), Source.UPLOAD)


def folder_of(job_id: UUID) -> str:
    """The prefix of the names of a job's kept inputs."""
    return f"{FOLDER}/{job_id.hex}/"


def inputs_before(moment: datetime) -> Iterator[tuple[UUID, list[str]]]:
    """Kept inputs written before ``moment``, by job. Raises StorageUnavailable."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in kept_files().files(f"{FOLDER}/"):
        if (ours := INPUT_NAME.fullmatch(file.name)) and file.modified < moment:
            found[ours[1]].append(file.name)
    for job, names in found.items():
        yield UUID(job), names


def label(name: str) -> str:
    """Makes a client's name safe to store and show: without control characters, and only its end if it is long."""
    text = name.encode("utf-8", "replace").decode()
    return UNPRINTABLE.sub("�", text)[-MAX_LABEL:]


def without_query(url: str) -> str:
    """The URL without parts that may be secret: user, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def allowed_folder(text: str) -> Path:
    """The folder with all links resolved. Raises FolderForbidden."""
    refusal = FolderForbidden("the operator of this server has not allowed this folder")
    if "\0" in text or not Path(text).is_absolute():
        raise refusal
    try:
        folder = Path(text).resolve(strict=True)
    except (OSError, RuntimeError):
        raise refusal from None
    if not _is_allowed(folder) or not folder.is_dir():
        raise refusal
    return folder


def _is_allowed(resolved: Path) -> bool:
    roots: Sequence[Path] = settings.XCLOUD_JOB_FOLDERS
    return any(resolved.is_relative_to(root.resolve()) for root in roots)


def file_item(file: Path, name: str) -> NewItem:
    """A file of this machine as an item with this name."""
    location = str(file)
    if len(location) > MAX_LOCATION or not _is_text(location):
        return NewItem(label(name), "", ItemCode.NOT_FOUND, "the file's name cannot be kept")
    return NewItem(label(name), location)


def images_below(root: Path) -> Iterator[Path]:
    """Files with names of images, in order. Skips links to folders, and folders of thumbnails."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_left_behind(f"{name}/"))
        for name in sorted(names):
            file = Path(folder, name)
            if file.suffix.lower() in IMAGE_SUFFIXES and not is_left_behind(name):
                yield file


def _read_allowed(file: Path) -> bytes:
    """Reads the file with all links resolved and checked again. Raises InputGone, ImageTooLarge."""
    return _read(file, _is_allowed)


def _read(file: Path, allowed: Callable[[Path], bool] = lambda resolved: True) -> bytes:
    try:
        resolved = file.resolve(strict=True)
        if not allowed(resolved):
            raise InputGone(ItemCode.FOLDER_FORBIDDEN, "the file is not in a folder that the operator allowed")
        with _open_without_links(resolved) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise InputGone(ItemCode.NOT_A_FILE, "this is a device or a folder, not a file")
            return _bounded(opened)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise InputGone(ItemCode.NOT_FOUND, f"the file cannot be read: {reason or 'a loop of links'}") from None


def _open_without_links(resolved: Path) -> IO[bytes]:
    """Opens a resolved path. Raises OSError if a part of it has become a link since, which could lead anywhere."""
    folder = os.open(resolved.anchor, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in resolved.parts[1:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Non-blocking: opening a pipe would otherwise wait for a writer.
        return open(os.open(resolved.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb")  # noqa: PTH123
    finally:
        os.close(folder)


def _picture_of(item: JobItem, caller: Caller) -> Loaded:
    row = Analysis.objects.filter(caller.owned).filter(unexpired(), pk=item.location).first()
    if row is None:
        raise InputGone(ItemCode.NOT_FOUND, "no analysis has this id")
    if not row.has_photo:
        raise InputGone(ItemCode.NOT_FOUND, "this analysis has no kept picture; `store.image` keeps it")
    return Loaded(_kept(str(row.picture.name)), Source(row.source), row.subject, row.expires_at)


def _kept(name: str) -> bytes:
    try:
        with default_storage.open(name) as file:
            return _bounded(file)
    except FileNotFoundError:
        raise InputGone(ItemCode.NOT_FOUND, "the image is no longer stored") from None


def _bounded(file: IO[bytes]) -> bytes:
    limit = settings.XCLOUD_ENGINE.limits.max_bytes
    data = file.read(limit + 1)
    if len(data) > limit:
        raise ImageTooLarge(f"the file has more than {limit:,} bytes")
    return data


def _is_text(name: str) -> bool:
    """Whether the name is valid UTF-8. The database requires it, a disk does not."""
    return name == name.encode("utf-8", "replace").decode()
