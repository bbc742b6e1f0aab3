"""Kept pictures: their media types, how they are served, and a list for the purge."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import Final, TypeVar

from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase

from cv.files.stores import kept_files
from cv.models import Analysis

Response = TypeVar("Response", bound=HttpResponseBase)

# The names that cv.models.picture_path creates. Other kept files, for example inputs of jobs, do not match.
PICTURE_NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}(_[A-Za-z0-9]+)?\.[a-z]+")
# The types that cv.engine.stripping writes, and those that earlier versions stored unchanged.
MEDIA_TYPES: Final = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".tiff": "image/tiff",
    ".heic": "image/heic",
    # Of videos: the JPEGs of frames and stills, one after the other.
    ".mjpeg": "video/x-motion-jpeg",
}


def media_type(name: str) -> str:
    """The media type of a kept picture by its suffix, which was derived from its bytes."""
    return MEDIA_TYPES[PurePath(name).suffix]


def pictures_before(moment: datetime) -> Iterator[str]:
    """The names of all kept pictures that were written before ``moment``. Raises StorageUnavailable."""
    for file in kept_files().files():
        if PICTURE_NAME.fullmatch(file.name) and file.modified < moment:
            yield file.name


def kept_picture(analysis: Analysis) -> bytes | None:
    """The bytes of the kept picture; None if there is none, or if it is a video's. Raises StorageUnavailable."""
    if not analysis.has_photo:
        return None
    try:
        with analysis.picture.open("rb") as file:
            data: bytes = file.read()
    except FileNotFoundError:
        return None
    return data


def picture_part(analysis: Analysis, start: int, length: int) -> bytes:
    """A part of the kept picture: one JPEG of a video's. Raises Http404, StorageUnavailable."""
    try:
        with analysis.picture.open("rb") as file:
            file.seek(start)
            data: bytes = file.read(length)
    except (FileNotFoundError, ValueError):
        raise Http404("this still is not kept") from None
    return data


def chip_response(jpeg: bytes) -> HttpResponse:
    """Serves the small picture of a face. The caller must be allowed to see the analysis."""
    return _private(HttpResponse(jpeg, content_type=MEDIA_TYPES[".jpg"]))


def picture_response(analysis: Analysis) -> HttpResponseBase:
    """Serves the kept picture, of a video its first kept frame. The caller must be allowed to see the analysis. Raises
    Http404, StorageUnavailable."""
    if not analysis.picture:
        raise Http404("this analysis has no kept picture")
    if not analysis.has_photo:
        # The file holds hundreds of frames, and a list of videos shows one of each.
        frames = analysis.video.storyboard
        if not frames:
            raise Http404("this analysis has no kept picture")
        return chip_response(picture_part(analysis, frames[0]["start"], frames[0]["length"]))
    try:
        file = analysis.picture.open("rb")
    except FileNotFoundError:
        raise Http404("this analysis has no kept picture") from None
    return _private(FileResponse(file, content_type=media_type(analysis.picture.name or "")))


def _private(response: Response) -> Response:
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "private, no-store"
    # Untrusted bytes on our own origin: no script in them may run.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
