"""Strips metadata from pictures to keep: the same pixels, without EXIF, GPS, comments, thumbnails or trailing bytes."""

import io
import struct

from PIL import Image

from cv.engine.config import DecodeLimits
from cv.engine.decode import decode, open_image
from cv.engine.directory import ORIENTATION, read_orientation
from cv.engine.jpeg import APP0, APP2, APP14, APP15, COM, EOI, read_segments
from cv.engine.types import MIN_FACE_PX_RANGE, Picture

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The chunks that a still PNG needs to look the same; text, time, EXIF and all others are left out.
PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD"}
)
FALLBACK_QUALITY = 95
# PNG is not tried if the raw pixels have more bytes than this many times the limit: a PNG has about half as many, and
# encoding 64 megapixels takes 16 seconds.
PNG_SHARE = 2


class _NotLossless(Exception):
    """The file has an unexpected structure and must be re-encoded."""


def without_metadata(data: bytes, limits: DecodeLimits, pixels: Image.Image | None = None) -> Picture:
    """The picture to keep of an image that was decoded before; ``pixels`` are its full-size, upright pixels if known.

    JPEG and PNG keep their compressed pixels bit for bit. Other formats, and files with an unexpected structure, are
    re-encoded from their upright first frame: as PNG, or as JPEG if a PNG would have too many bytes.
    Raises what ``decode`` does.
    """
    image, _ = open_image(data)
    kind, orientation = image.format, read_orientation(image.info.get("exif"))
    try:
        # An MPO is a JPEG followed by more pictures.
        if kind in ("JPEG", "MPO"):
            return Picture(".jpg", _jpeg(data, orientation))
        if kind == "PNG" and orientation == 1:
            return Picture(".png", _png(data))
    except _NotLossless:
        pass
    return _encoded(pixels or decode(data, limits, MIN_FACE_PX_RANGE[0], reduce=False).pixels, limits)


def _jpeg(data: bytes, orientation: int) -> bytes:
    kept = bytearray(b"\xff\xd8")
    marker = 0
    for segment in read_segments(data):
        marker, body = segment.marker, data[segment.start : segment.end]
        if marker == APP0:
            if body[4:9] != b"JFIF\0" or len(body) < 18:
                continue
            # The fields of JFIF without the thumbnail that may follow them.
            body = b"\xff\xe0\x00\x10" + body[4:16] + b"\0\0"
        elif (
            (marker == APP2 and body[4:16] != b"ICC_PROFILE\0")
            or (APP0 < marker <= APP15 and marker not in (APP2, APP14))
            or marker == COM
        ):
            continue
        kept += body
    if marker != EOI:
        raise _NotLossless
    return _oriented(bytes(kept), orientation)


def _oriented(jpeg: bytes, orientation: int) -> bytes:
    """Keeps EXIF's orientation, and nothing else of EXIF, so that the picture stays upright."""
    if orientation == 1:
        return jpeg
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    body = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _png(data: bytes) -> bytes:
    kept = bytearray(PNG_SIGNATURE)
    at = len(PNG_SIGNATURE)
    while True:
        if len(data) < at + 12:
            raise _NotLossless
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise _NotLossless
        if kind in PNG_CHUNKS:
            kept += data[at:end]
        if kind == b"IEND":
            return bytes(kept)
        at = end


def _encoded(pixels: Image.Image, limits: DecodeLimits) -> Picture:
    """Encodes the pixels that the engine sees, so that a second analysis sees the same."""
    if pixels.width * pixels.height * 3 <= limits.max_bytes * PNG_SHARE:
        file = io.BytesIO()
        pixels.save(file, "PNG")
        if file.tell() <= limits.max_bytes:
            return Picture(".png", file.getvalue())
    file = io.BytesIO()
    pixels.save(file, "JPEG", quality=FALLBACK_QUALITY, subsampling=0)
    return Picture(".jpg", file.getvalue())
