"""Pictures as they are kept: the pixels as they came in, without EXIF, GPS, comments, thumbnails or trailing bytes."""

import io
import struct
import threading
from collections.abc import Iterator

from PIL import Image

from cv.engine.config import DecodeLimits
from cv.engine.decode import FORMATS, decode
from cv.engine.types import MIN_FACE_PX_RANGE

ORIENTATION = 0x0112
# Whatever else a file says there means nothing, to the engine neither.
ORIENTATIONS = range(1, 9)
# JPEG markers (ITU-T T.81, table B.1).
SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP2, APP14, APP15, COM = 0xE0, 0xE2, 0xEE, 0xEF, 0xFE
RESTARTS = range(0xD0, 0xD8)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What a still PNG needs to look as it did; text, time, EXIF and whatever else is left out.
PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD"}
)
FALLBACK_QUALITY = 95
# At most so many at once: 50 megapixels with transparency take 750 MB while they are decoded.
_ENCODING = threading.BoundedSemaphore(2)


class _NotLossless(Exception):
    """The file is not built as expected: it has to be encoded anew."""


def without_metadata(data: bytes, limits: DecodeLimits) -> tuple[str, bytes]:
    """File ending and bytes to keep, of an image that the engine has decoded before.

    JPEG and PNG keep their compressed pixels to the bit. Others, and files that are not built by the book, are
    encoded anew from their upright first frame: as PNG, or as JPEG where a PNG would have too many bytes.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        kind, orientation = image.format, image.getexif().get(ORIENTATION, 1)
    if orientation not in ORIENTATIONS:
        orientation = 1
    try:
        # An MPO is a JPEG with more pictures behind it.
        if kind in ("JPEG", "MPO"):
            return ".jpg", _jpeg(data, orientation)
        if kind == "PNG" and orientation == 1:
            return ".png", _png(data)
    except _NotLossless:
        pass
    return _encoded(data, limits)


def _jpeg(data: bytes, orientation: int) -> bytes:
    kept = bytearray(b"\xff\xd8")
    for marker, segment in _jpeg_segments(data):
        if marker == APP0:
            if segment[4:9] != b"JFIF\0" or len(segment) < 18:
                continue
            # The fields of JFIF without the thumbnail that may follow them.
            segment = b"\xff\xe0\x00\x10" + segment[4:16] + b"\0\0"
        elif (
            (marker == APP2 and segment[4:16] != b"ICC_PROFILE\0")
            or (APP0 < marker <= APP15 and marker not in (APP2, APP14))
            or marker == COM
        ):
            continue
        kept += segment
    return _oriented(bytes(kept), orientation)


def _oriented(jpeg: bytes, orientation: int) -> bytes:
    """Which way is up stays said, or the picture would turn; it is all of EXIF that is left."""
    if orientation == 1:
        return jpeg
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    body = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment up to the end of the image; a scan comes with its pixels."""
    at = 2
    while True:
        if data[at : at + 1] != b"\xff":
            raise _NotLossless
        while data[at + 1 : at + 2] == b"\xff":
            at += 1
        marker = data[at + 1 : at + 2]
        if not marker:
            raise _NotLossless
        if marker[0] == EOI:
            yield EOI, b"\xff\xd9"
            return
        if len(data) < at + 4:
            raise _NotLossless
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        if marker[0] == SOS:
            end = _scan_end(data, end)
        if end > len(data) or end < at + 4:
            raise _NotLossless
        yield marker[0], data[at:end]
        at = end


def _scan_end(data: bytes, at: int) -> int:
    """Where the next marker stands that is neither a stuffed zero nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise _NotLossless
        following = data[at + 1]
        if following == 0xFF:
            at += 1
        elif following != 0 and following not in RESTARTS:
            return at
        else:
            at += 2


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


def _encoded(data: bytes, limits: DecodeLimits) -> tuple[str, bytes]:
    """The very pixels that the engine sees, so that a second analysis sees them, too."""
    with _ENCODING:
        pixels = decode(data, limits, MIN_FACE_PX_RANGE[0]).pixels
        file = io.BytesIO()
        pixels.save(file, "PNG")
        if file.tell() <= limits.max_bytes:
            return ".png", file.getvalue()
        file = io.BytesIO()
        pixels.save(file, "JPEG", quality=FALLBACK_QUALITY, subsampling=0)
        return ".jpg", file.getvalue()
