"""Tells the containers of videos apart by their first bytes, without decoding anything."""

from typing import Final

from cv.engine.errors import UnsupportedMediaType

# How many bytes tell it.
HEAD: Final = 16
# The names of a MOV's or MP4's first box.
_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})


def container_of(head: bytes) -> str:
    """FFmpeg's name of the container that a file with this beginning has. Raises UnsupportedMediaType."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[4:8] in _BOXES:
        return "mov"
    raise UnsupportedMediaType("not an MP4, MOV, WebM or GIF video")
