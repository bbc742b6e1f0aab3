"""Kept pictures: what kind of file each is, who is handed one, and which have no row any more."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import Final

from django.http import FileResponse, Http404

from cv.files.stores import kept_files
from cv.models import Analysis

# The names that cv.models.picture_path gives; other kept files, such as inputs of jobs, are somebody else's.
PICTURE_NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}(_[A-Za-z0-9]+)?\.[a-z]+")
# What the files are that cv.engine.stripping writes, and what earlier versions kept as it came in.
MEDIA_TYPES: Final = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".tiff": "image/tiff",
    ".heic": "image/heic",
}


def media_type(name: str) -> str:
    """The media type of a kept picture by the ending of its name, which its own bytes gave it."""
    return MEDIA_TYPES[PurePath(name).suffix]


def pictures_before(moment: datetime) -> Iterator[str]:
    """The names of all kept pictures that were written before ``moment``. Raises StorageUnavailable."""
    for file in kept_files().files():
        if PICTURE_NAME.fullmatch(file.name) and file.modified < moment:
            yield file.name


def picture_response(analysis: Analysis) -> FileResponse:
    """The kept picture, for callers that may see the analysis. Raises Http404, StorageUnavailable."""
    if not analysis.picture:
        raise Http404("this analysis has no kept picture")
    try:
        file = analysis.picture.open("rb")
    except FileNotFoundError:
        raise Http404("this analysis has no kept picture") from None
    response = FileResponse(file, content_type=media_type(analysis.picture.name or ""))
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "private, no-store"
    # Bytes from strangers, on our own origin: whatever they turn out to be, nothing in them may run.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
