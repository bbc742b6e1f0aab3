"""Kept pictures on disk: what kind of file each is, and which have no row any more."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404

from cv.models import Analysis

# What the files are that cv.stripping writes, and what earlier versions kept as it came in.
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
    return MEDIA_TYPES[Path(name).suffix]


def pictures_before(moment: datetime) -> Iterator[str]:
    """The names of all kept pictures that were written before ``moment``."""
    root = Path(default_storage.path(""))
    for file in root.glob("*/*"):
        name = file.relative_to(root).as_posix()
        if file.is_file() and default_storage.get_modified_time(name) < moment:
            yield name


def picture_response(analysis: Analysis) -> FileResponse:
    """The kept picture, for callers that may see the analysis. Raises Http404 where none was kept."""
    if not analysis.picture:
        raise Http404
    try:
        file = analysis.picture.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, content_type=media_type(analysis.picture.name or ""))
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "private, no-store"
    # Bytes from strangers, on our own origin: whatever they turn out to be, nothing in them may run.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
