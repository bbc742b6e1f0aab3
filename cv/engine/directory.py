"""Reads the directory of tags of TIFF, EXIF and most raw files, strictly by the standard and without values."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ORIENTATION: Final = 0x0112
_MAKE, _SUB_DIRECTORIES, _PHOTOMETRIC, _DNG_VERSION = 0x010F, 0x014A, 0x0106, 0xC612
# Photometric interpretations of raw sensor data: one colour per pixel, or linear light.
_SENSOR: Final = frozenset({32803, 34892})
_SHORT, _LONG, _IFD = 3, 4, 13
_BYTES_OF_TYPE: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_MOST_SUB_DIRECTORIES = 16
# First bytes of raw formats that are not TIFF or only resemble it.
_SIGNATURES: Final = (
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (4, b"ftypcrx ", "Canon CR3"),
    (8, b"CR\x02", "Canon CR2"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (0, b"IIU\0", "Panasonic RW2"),
    (0, b"\0MRM", "Minolta MRW"),
    (0, b"FOVb", "Sigma X3F"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag with its type, its number of values, and the bytes that hold the values or their offset."""

    tag: int
    type: int
    count: int
    value: bytes

    @property
    def size(self) -> int:
        """Bytes of all its values."""
        return _BYTES_OF_TYPE.get(self.type, 0) * self.count


@dataclass(frozen=True, slots=True)
class Directory:
    """The entries of one directory of a file in the byte order ``"<"`` or ``">"``."""

    order: str
    entries: tuple[Entry, ...]

    def number(self, tag: int) -> int | None:
        """The first value of a tag of short or long numbers, if the entry itself holds it."""
        for entry in self.entries:
            if entry.tag == tag and entry.type in (_SHORT, _LONG, _IFD) and entry.count == 1:
                form = "H" if entry.type == _SHORT else "I"
                (value,) = struct.unpack_from(self.order + form, entry.value)
                return int(value)
        return None

    def is_overfull(self, file_size: int) -> bool:
        """Whether many overlapping values would make a reader copy the file's bytes again and again."""
        return sum(min(entry.size, file_size) for entry in self.entries) > 2 * file_size + 65_536


def read_orientation(exif: bytes | None) -> int:
    """EXIF's orientation, 1 to 8; 1 if it is missing or has another type than the standard's."""
    directory = read_directory((exif or b"").removeprefix(b"Exif\0\0"))
    if directory is None or not any(entry.tag == ORIENTATION and entry.type == _SHORT for entry in directory.entries):
        return 1
    value = directory.number(ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1


def raw_format(data: bytes) -> str | None:
    """The name of a camera's raw format; None if the file is something else."""
    for at, signature, name in _SIGNATURES:
        if data.startswith(signature, at):
            return name
    first = read_directory(data)
    if first is None:
        return None
    if any(entry.tag == _DNG_VERSION for entry in first.entries):
        return "Adobe DNG"
    if any(directory.number(_PHOTOMETRIC) in _SENSOR for directory in (first, *_sub_directories(data, first))):
        return f"{_text(data, first, _MAKE) or 'unknown'} raw"
    return None


def read_directory(data: bytes, at: int | None = None) -> Directory | None:
    """The first directory of a TIFF or BigTIFF, or the one at ``at``; None if there is none."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        return None
    is_big = struct.unpack_from(order + "H", data, 2)[0] == 43
    count_form, offset_form, entry_size = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    try:
        if at is None:
            (at,) = struct.unpack_from(order + offset_form, data, 8 if is_big else 4)
        (count,) = struct.unpack_from(order + count_form, data, at)
        start = at + struct.calcsize(count_form)
        entries = []
        for place in range(start, min(start + count * entry_size, len(data) - entry_size + 1), entry_size):
            tag, type_, values = struct.unpack_from(f"{order}HH{offset_form}", data, place)
            entries.append(
                Entry(tag, type_, values, data[place + entry_size - (8 if is_big else 4) : place + entry_size])
            )
    except (struct.error, OverflowError):
        return None
    return Directory(order, tuple(entries))


def _sub_directories(data: bytes, first: Directory) -> Iterator[Directory]:
    for entry in first.entries:
        if entry.tag != _SUB_DIRECTORIES or entry.type not in (_LONG, _IFD):
            continue
        (offset,) = struct.unpack_from(first.order + "I", entry.value)
        count = min(entry.count, _MOST_SUB_DIRECTORIES)
        places = data[offset : offset + 4 * count] if count > 1 else entry.value[:4]
        for (place,) in struct.iter_unpack(first.order + "I", places[: len(places) // 4 * 4]):
            if found := read_directory(data, place):
                yield found


def _text(data: bytes, directory: Directory, tag: int) -> str:
    for entry in directory.entries:
        if entry.tag == tag and 4 < entry.size <= 64:
            (offset,) = struct.unpack_from(directory.order + "I", entry.value)
            text = data[offset : offset + entry.size].split(b"\0")[0]
            return "".join(c for c in text.decode("ascii", "ignore") if c.isprintable()).strip()
    return ""
