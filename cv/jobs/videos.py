"""The input of a video's job: kept until it has been read, and given to an engine as a file."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from cv.choices import JobSource
from cv.engine.errors import VideoTooLarge
from cv.engine.video.containers import HEAD, container_of
from cv.engine.video.types import DEFAULT_RATE
from cv.files.local import LocalStore
from cv.jobs.errors import ItemCode
from cv.jobs.inputs import InputGone, NewItem, folder_of, label
from cv.models import JobItem

COPIED_AT_ONCE: Final = 2**20


@dataclass(frozen=True, slots=True)
class VideoInputs:
    """One video, which is kept until it has been read."""

    file: IO[bytes]
    # Frames looked at in a second.
    rate: float = DEFAULT_RATE
    source: JobSource = JobSource.VIDEO
    # The file's name, to be displayed.
    name: str = ""

    def items(self, job_id: UUID) -> Iterator[NewItem]:
        """Stores the video. Raises UnsupportedMediaType, VideoTooLarge."""
        size, most = self.file.seek(0, os.SEEK_END), settings.XCLOUD_ENGINE.video.max_bytes
        if size > most:
            raise VideoTooLarge(f"the video has {size:,} bytes; the limit is {most:,}")
        self.file.seek(0)
        container_of(self.file.read(HEAD))
        self.file.seek(0)
        yield NewItem(label(self.name), default_storage.save(f"{folder_of(job_id)}0", File(self.file)))


@contextlib.contextmanager
def kept_video(item: JobItem) -> Iterator[Path]:
    """A file of this machine with the video's bytes, while the block runs. Raises InputGone, StorageUnavailable."""
    if isinstance(default_storage, LocalStore):
        if not (file := Path(default_storage.path(item.location))).is_file():
            raise InputGone(ItemCode.NOT_FOUND, "the video is no longer stored")
        yield file
        return
    with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        try:
            with default_storage.open(item.location) as stored:
                shutil.copyfileobj(stored, copy, COPIED_AT_ONCE)
        except FileNotFoundError:
            raise InputGone(ItemCode.NOT_FOUND, "the video is no longer stored") from None
        copy.flush()
        yield Path(copy.name)
