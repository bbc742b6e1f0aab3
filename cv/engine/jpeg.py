"""Reads the structure of a JPEG file (ITU-T T.81, annex B) and checks that its data are complete, without decoding."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from cv.engine.errors import ImageTooExpensive, UndecodableImage

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP1, APP2, APP14, APP15, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
# Start of a frame: baseline, extended sequential, progressive. Pillow decodes no others.
_FRAMES: Final = range(0xC0, 0xC3)
# The next marker behind a scan's data, in which a stuffed zero and restarts are no markers.
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# A decoder runs through the whole picture for each scan, and an empty scan takes 80 bytes. Encoders write ten.
MOST_SCANS: Final = 500
# An EXIF segment holds 64 KB, and a colour profile has at most 255 segments.
MOST_SEGMENTS: Final = 5_000
# How many bytes of a scan may be left over, or missing at its end. Most often the last bytes of a file are lost; a gap
# in the middle leaves more over, since the data after it are misread.
_TOLERANCE: Final = 32, 16


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker with the start and end of its segment; a scan's segment includes its data."""

    marker: int
    start: int
    end: int


def read_segments(data: bytes) -> Iterator[Segment]:
    """The segments after the start of the image, up to its end or to the first invalid byte."""
    at = 2
    while True:
        if data[at : at + 1] != b"\xff":
            return
        while data[at + 1 : at + 2] == b"\xff":
            at += 1
        if len(data) < at + 2:
            return
        marker = data[at + 1]
        if marker == EOI:
            yield Segment(EOI, at, at + 2)
            return
        if len(data) < at + 4:
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SOS:
            found = _MARKER.search(data, end)
            end = found.start() if found else len(data)
        if end < at + 4:
            return
        yield Segment(marker, at, min(end, len(data)))
        at = end


@dataclass(frozen=True, slots=True)
class Structure:
    """The number of scans, the end of the last scan's data, and EXIF as Pillow reads it.

    ``is_complete`` if the scans have begun to give the last bit of every coefficient.
    """

    scans: int
    has_end: bool
    is_complete: bool
    scans_end: int
    exif: bytes


def read_structure(data: bytes) -> Structure:
    """Raises ImageTooExpensive if it has more scans or segments than any camera or encoder writes."""
    scans, scans_end, has_end = 0, 0, False
    # For each component and coefficient, the number of low bits that no scan has given yet.
    precision: dict[int, list[int]] = {}
    exif = b""
    for number, segment in enumerate(read_segments(data)):
        scans += segment.marker == SOS
        if scans > MOST_SCANS:
            raise ImageTooExpensive(f"the JPEG has more than {MOST_SCANS} scans")
        if number - scans > MOST_SEGMENTS:
            raise ImageTooExpensive(f"the JPEG has more than {MOST_SEGMENTS:,} segments")
        if segment.marker == SOS:
            scans_end = segment.end
            _note_scan(data[segment.start + 4 : segment.start + 16], precision)
        elif segment.marker in _FRAMES:
            precision |= {component: [13] * 64 for component in data[segment.start + 10 : segment.end : 3]}
        elif segment.marker == EOI:
            has_end = True
        elif segment.marker == APP1 and data.startswith(b"Exif\0\0", segment.start + 4):
            exif += data[segment.start + 10 : segment.end]
    is_complete = bool(precision) and all(max(bits) == 0 for bits in precision.values())
    return Structure(scans, has_end, is_complete, scans_end, exif)


def _note_scan(header: bytes, precision: dict[int, list[int]]) -> None:
    components = header[0] if header else 0
    if components not in range(1, 5) or len(header) < 4 + 2 * components:
        return
    start, last, low = header[1 + 2 * components], min(header[2 + 2 * components], 63), header[3 + 2 * components] & 15
    for component in header[1 : 1 + 2 * components : 2]:
        if component in precision:
            precision[component][start : last + 1] = [low] * (last + 1 - start)


class JpegSource(io.BytesIO):
    """A JPEG file for Pillow that records how far it was read, which shows whether its data are complete.

    libjpeg continues if data are missing or corrupt, and Pillow reports no error.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data
        self._parts: list[bytes] | None = None
        self._reads = 0

    def read(self, size: int | None = -1) -> bytes:
        if self._parts is None:
            return super().read(size)
        self._reads += 1
        return self._parts.pop(0) if self._parts else b""

    def load(self, image: Image.Image, structure: Structure) -> None:
        """Decodes the image that Pillow opened from this. Raises UndecodableImage, and what Pillow raises."""
        end = structure.scans_end
        left_over, missing = _TOLERANCE
        marker = b"\xff\xd9"
        if structure.scans > 1:
            # Rows come only after all scans were read. A file truncated in the last scan shows everything.
            if not structure.has_end and not structure.is_complete:
                raise UndecodableImage("the JPEG is damaged: it is cut off")
            self._parts = [self._data[:end], marker]
            image.load()
            return
        self._parts = [self._data[: end - left_over], self._data[end - left_over : end], bytes(missing), marker]
        image.load()
        if self._reads == 1:
            raise UndecodableImage("the JPEG is damaged: there are more data than its picture has")
        if self._reads > 3:
            raise UndecodableImage("the JPEG is damaged: data are missing")
