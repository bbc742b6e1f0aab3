"""Reads untrusted archives entry by entry, in bounded memory. The names of entries are never used as paths.

A file is refused completely if it is not an archive, encrypted, truncated, or too large in bytes or entries. If an
entry is too large, damaged or a link, only that entry fails. Folders and files of operating systems are skipped.
"""

import bz2
import gzip
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final, cast

from cv.jobs.entry_names import tar_name, zip_names
from cv.jobs.errors import (
    ArchiveEncrypted,
    ArchiveTooLarge,
    ArchiveUnreadable,
    ItemCode,
    NotAnArchive,
    TooManyItems,
)

# What operating systems, cameras and photo services put beside photos: thumbnails, metadata, videos, lists.
LEFT_BEHIND: Final = re.compile(
    r"(^|/)(__MACOSX/|@eaDir/|\.thumbnails?/|\._[^/]*$|\.DS_Store$|Thumbs\.db$|desktop\.ini$)"
    r"|\.(json|aae|xmp|thm|mov|mp4|m4v|3gp|avi|txt|html?|csv|url|lnk)$",
    re.IGNORECASE,
)
ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_MAGIC: Final = b"\x1f\x8b"
BZIP2_MAGIC: Final = b"BZh"
CENTRAL_HEADER: Final = b"PK\x01\x02"
# With bzip2 and LZMA, zipfile decompresses a whole chunk at once, however large the result.
BOUNDED_COMPRESSIONS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# Photos hardly compress. An archive that unpacks to more than MAX_RATIO times its size and to more than RATIO_FROM
# bytes is a bomb.
MAX_RATIO: Final = 100
RATIO_FROM: Final = 64 * 1024 * 1024
# Limits in bytes: a ZIP's central directory per entry, and a TAR's headers before an entry.
MAX_HEADER: Final = 1024
MAX_TAR_HEADERS: Final = 1024 * 1024
DAMAGE: Final = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """``entry_bytes`` and ``total_bytes`` are unpacked sizes."""

    entries: int
    entry_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: its bytes, or the code and message of its failure. ``name`` is the client's."""

    name: str
    data: bytes = b""
    code: str = ""
    message: str = ""


def archive_entries(file: IO[bytes], size: int, limits: ArchiveLimits) -> Iterator[Entry]:
    """The files of a ZIP or TAR (plain, gzip or bzip2) of ``size`` bytes. Raises ArchiveRefused, TooManyItems."""
    head = file.read(4)
    file.seek(0)
    total = _Total(min(limits.total_bytes, max(MAX_RATIO * size, RATIO_FROM)))
    try:
        if head.startswith(ZIP_MAGIC):
            yield from _zip_entries(file, limits, total)
        else:
            yield from _tar_entries(_unpacked(file, head), limits, total)
    except DAMAGE as error:
        raise ArchiveUnreadable("the archive is truncated or damaged") from error


def check_archive(file: IO[bytes]) -> None:
    """Whether the file begins like a ZIP or TAR, which costs nothing. Raises NotAnArchive, ArchiveUnreadable."""
    head = file.read(4)
    file.seek(0)
    try:
        if not head.startswith(ZIP_MAGIC):
            tarfile.TarInfo.frombuf(_unpacked(file, head).read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    # A TAR without entries begins with its end.
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        pass
    except tarfile.HeaderError:
        raise NotAnArchive("the file is neither a ZIP nor a TAR archive") from None
    except DAMAGE:
        raise ArchiveUnreadable("the archive is truncated or damaged") from None
    finally:
        file.seek(0)


class _Total:
    """Counts unpacked bytes. Raises ArchiveTooLarge."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._bytes = 0

    def add(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self.limit:
            raise ArchiveTooLarge(f"the archive unpacks to more than {self.limit:,} bytes")


def _too_large(name: str, limits: ArchiveLimits) -> Entry:
    message = f"the file has more than {limits.entry_bytes:,} bytes"
    return Entry(name, code=ItemCode.IMAGE_TOO_LARGE, message=message)


def _check_count(count: int, limits: ArchiveLimits) -> None:
    if count > limits.entries:
        raise TooManyItems(f"the archive has more than {limits.entries:,} entries")


# ZIP.


class _BoundedList(io.RawIOBase):
    """A ZIP file with a limited central directory. zipfile creates an object for each of its entries."""

    def __init__(self, file: IO[bytes], limits: ArchiveLimits) -> None:
        self._file = file
        self._limits = limits
        # Set when the directory has been read. Entries have their own size limits.
        self.listed = False

    def read(self, size: int = -1) -> bytes:
        if self.listed:
            return self._file.read(size)
        bound = max(self._limits.entries * MAX_HEADER // 4, 1024 * 1024)
        data = self._file.read(min(size, bound + 1) if size >= 0 else bound + 1)
        if len(data) > bound:
            raise TooManyItems(f"the archive has more than {self._limits.entries:,} entries")
        _check_count(data.count(CENTRAL_HEADER), self._limits)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _zip_entries(file: IO[bytes], limits: ArchiveLimits, total: _Total) -> Iterator[Entry]:
    bounded = _BoundedList(file, limits)
    with zipfile.ZipFile(bounded) as archive:
        bounded.listed = True
        listed = [entry for entry in archive.infolist() if not entry.is_dir()]
        named = [
            (entry, name) for entry, name in zip(listed, zip_names(listed), strict=True) if not is_left_behind(name)
        ]
        _check_count(len(named), limits)
        if any(entry.flag_bits & 0x1 for entry, _ in named):
            raise ArchiveEncrypted("the archive is encrypted; send it without a password")
        # Checks the declared sizes first, which costs nothing, and then the bytes that are really unpacked.
        announced = sum(entry.file_size for entry, _ in named if entry.file_size <= limits.entry_bytes)
        if announced > total.limit:
            raise ArchiveTooLarge(f"the archive unpacks to more than {total.limit:,} bytes")
        for entry, name in named:
            yield _zip_entry(archive, entry, name, limits, total)


def _zip_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, limits: ArchiveLimits, total: _Total
) -> Entry:
    kind = entry.external_attr >> 28
    # The upper four bits of a Unix mode: 8 is a regular file, 0 is an archive from another system.
    if entry.create_system == 3 and kind not in (0, 8):
        return Entry(name, code=ItemCode.NOT_A_FILE, message="a link or device, not a file")
    if entry.file_size > limits.entry_bytes:
        return _too_large(name, limits)
    unreadable = Entry(
        name,
        code=ItemCode.ENTRY_UNREADABLE,
        message="the entry is damaged or packed in a way that is not read here",
    )
    if entry.compress_type not in BOUNDED_COMPRESSIONS:
        return unreadable
    try:
        with archive.open(entry) as packed:
            data = packed.read(limits.entry_bytes + 1)
    # zipfile raises NotImplementedError for an encryption that it does not know.
    except (*DAMAGE, RuntimeError):
        return unreadable
    total.add(len(data))
    if len(data) > limits.entry_bytes:
        return _too_large(name, limits)
    return Entry(name, data)


# TAR.


def _unpacked(file: IO[bytes], head: bytes) -> IO[bytes]:
    if head.startswith(GZIP_MAGIC):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if head.startswith(BZIP2_MAGIC):
        return bz2.BZ2File(file)
    return file


class _BoundedTar(io.RawIOBase):
    """An unpacked TAR with limited headers and a limited total, so that reading and seeking stay bounded.

    Raises ArchiveUnreadable, ArchiveTooLarge.
    """

    def __init__(self, file: IO[bytes], limits: ArchiveLimits, total: _Total) -> None:
        self._file = file
        # Each entry has at least a header and is padded to a whole block.
        self._end = total.limit + 4 * tarfile.BLOCKSIZE * limits.entries
        self._total = total
        self._headers_left = 0

    def next_header(self) -> None:
        self._headers_left = MAX_TAR_HEADERS

    def read(self, size: int = -1) -> bytes:
        self._headers_left -= size
        if size < 0 or self._headers_left < 0:
            raise ArchiveUnreadable("the archive's headers are too long")
        return self._file.read(size)

    def content(self, size: int) -> bytes:
        """Reads the next bytes of an entry's content, which do not count as headers."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset > self._end:
            raise ArchiveTooLarge(f"the archive unpacks to more than {self._total.limit:,} bytes")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _tar_entries(file: IO[bytes], limits: ArchiveLimits, total: _Total) -> Iterator[Entry]:
    tar = _BoundedTar(file, limits, total)
    tar.next_header()
    try:
        archive = tarfile.TarFile(fileobj=tar, errorlevel=2)
    except tarfile.ReadError:
        raise NotAnArchive("the file is neither a ZIP nor a TAR archive") from None
    except (EOFError, zlib.error, OSError):
        raise ArchiveUnreadable("the archive is truncated or damaged") from None
    count = reached = 0
    while (member := archive.next()) is not None:
        # tarfile keeps every member in memory; they are not needed again.
        archive.members.clear()  # type: ignore[attr-defined]
        if member.size < 0 or archive.offset <= reached:
            raise ArchiveUnreadable("the archive's headers point backwards")
        reached = archive.offset
        name = tar_name(member.name)
        if not member.isdir() and not is_left_behind(name):
            count += 1
            _check_count(count, limits)
            yield _tar_entry(tar, member, name, limits, total)
        tar.next_header()
    # tarfile takes damage for the end of the archive. The real end is a block of zeros.
    tar.seek(archive.offset)
    if tar.content(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise ArchiveUnreadable("the archive is truncated or damaged")
    # The compressed stream ends with a checksum, which is only verified if the stream is read to its end.
    tar.content(MAX_TAR_HEADERS)


def _tar_entry(tar: _BoundedTar, member: tarfile.TarInfo, name: str, limits: ArchiveLimits, total: _Total) -> Entry:
    if not member.isreg() or member.issparse():
        return Entry(name, code=ItemCode.NOT_A_FILE, message="a link or device, not a file")
    if member.size > limits.entry_bytes:
        return _too_large(name, limits)
    total.add(member.size)
    tar.seek(member.offset_data)
    data = tar.content(member.size)
    if len(data) < member.size:
        raise ArchiveUnreadable("the archive is truncated or damaged")
    return Entry(name, data)


def is_left_behind(name: str) -> bool:
    return LEFT_BEHIND.search(name) is not None
