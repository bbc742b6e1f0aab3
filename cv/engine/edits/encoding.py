"""Encodes a picture that goes out: without metadata but for its colour profile."""

import io
from typing import Any, Final

from PIL import Image, features

from cv.engine.edits.types import PictureFormat
from cv.engine.errors import FormatUnavailable

# Options of Pillow. PNG: the strongest compression takes four times as long for a twentieth of the bytes.
_OPTIONS: Final[dict[PictureFormat, dict[str, Any]]] = {
    PictureFormat.JPEG: {"quality": 92, "subsampling": 0},
    PictureFormat.PNG: {"compress_level": 3},
    PictureFormat.WEBP: {"quality": 90, "method": 2},
}
_CODECS: Final = {PictureFormat.JPEG: "jpg", PictureFormat.PNG: "zlib", PictureFormat.WEBP: "webp"}
# What the formats can state; a larger picture cannot be written.
_MOST_SIDE: Final = {PictureFormat.JPEG: 65_500, PictureFormat.PNG: 2**31 - 1, PictureFormat.WEBP: 16_383}


def check_format(wanted: PictureFormat, size: tuple[int, int]) -> None:
    """Raises FormatUnavailable if this machine or this format cannot encode a picture of this size."""
    if not features.check(_CODECS[wanted]):
        raise FormatUnavailable(f"this server cannot write {wanted.upper()}; ask for another format")
    if max(size) > _MOST_SIDE[wanted]:
        raise FormatUnavailable(
            f"{wanted.upper()} holds at most {_MOST_SIDE[wanted]:,} pixels a side, and this picture has {max(size):,}"
        )


def encode(pixels: Image.Image, wanted: PictureFormat, profile: bytes) -> bytes:
    """``pixels`` is RGB or RGBA, ``profile`` its ICC profile, or empty. Raises FormatUnavailable."""
    check_format(wanted, pixels.size)
    file = io.BytesIO()
    # Pillow would take a profile, a comment or EXIF data from here.
    pixels.info.clear()
    pixels.save(file, wanted.upper(), icc_profile=profile or None, **_OPTIONS[wanted])
    return file.getvalue()


def format_of(kind: str) -> PictureFormat:
    """The format that goes out if a picture of this kind came in and none was asked for."""
    return {"PNG": PictureFormat.PNG, "WEBP": PictureFormat.WEBP}.get(kind, PictureFormat.JPEG)
