"""Untrusted archives: which are refused completely, which entries fail alone, and that memory stays bounded."""

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from cv.jobs.archives import ArchiveLimits, Entry, archive_entries
from cv.jobs.errors import (
    ArchiveEncrypted,
    ArchiveTooLarge,
    ArchiveUnreadable,
    ItemCode,
    JobRefused,
    NotAnArchive,
    TooManyItems,
)
from tests.archives import encrypted, tar_gz_of, tar_of, tar_with, zip_of, zip_with_link

MIB = 1024 * 1024
LIMITS = ArchiveLimits(entries=100, entry_bytes=10_000, total_bytes=500_000)
PHOTO = bytes(range(256)) * 4


def entries(data: bytes, limits: ArchiveLimits = LIMITS) -> list[Entry]:
    return list(archive_entries(io.BytesIO(data), len(data), limits))


def renamed(archive: bytes, old: str, new: str) -> bytes:
    assert len(old) == len(new)
    return archive.replace(old.encode(), new.encode())


@pytest.mark.parametrize("pack", [zip_of, tar_of, tar_gz_of])
def test_names_are_labels_however_they_look(pack: Callable[[list[tuple[str, bytes]]], bytes]) -> None:
    names = ["/etc/passwd", "../../up.jpg", "a.jpg", "a.jpg", "C:\\x.jpg", "ünï.jpg", "x" * 300]
    assert [(entry.name, entry.data) for entry in entries(pack([(name, PHOTO) for name in names]))] == [
        (name, PHOTO) for name in names
    ]


@pytest.mark.parametrize("pack", [zip_of, tar_of, tar_gz_of])
def test_an_entry_that_is_too_large_fails_alone(pack: Callable[[list[tuple[str, bytes]]], bytes]) -> None:
    found = entries(pack([("big", b"x" * 10_001), ("right", b"x" * 10_000), ("empty", b"")]))
    assert [(entry.name, entry.code, len(entry.data)) for entry in found] == [
        ("big", ItemCode.IMAGE_TOO_LARGE, 0), ("right", "", 10_000), ("empty", "", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("pack", [zip_of, tar_of, tar_gz_of])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.97])
def test_a_truncated_archive_is_refused_whole(pack: Callable[[list[tuple[str, bytes]]], bytes], keep: float) -> None:
    data = pack([(f"{index}.jpg", bytes([index, 7, index]) * 1500) for index in range(20)])
    cut = data[: int(len(data) * keep)]
    if pack is tar_of and keep > 0.9:
        # Cutting at 0.97 would only remove the padding of zeros; this removes all of it.
        cut = data.rstrip(b"\0")
    with pytest.raises(ArchiveUnreadable):
        entries(cut)


def test_what_is_no_archive_is_refused() -> None:
    for data in (b"", b"\xff\xd8\xff\xe0 a photo", b"x" * 5000, gzip.compress(b"text"), b"\x1f\x8bxx", b"BZhxx"):
        with pytest.raises((NotAnArchive, ArchiveUnreadable)):
            entries(data)


def test_an_encrypted_archive_is_refused() -> None:
    with pytest.raises(ArchiveEncrypted):
        entries(encrypted(zip_of([("a.jpg", PHOTO)])))


def test_links_and_devices_fail_alone() -> None:
    link, device, hard = tarfile.TarInfo("link"), tarfile.TarInfo("device"), tarfile.TarInfo("hard")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "link"
    device.type = tarfile.CHRTYPE
    found = entries(tar_with(link, device, hard)) + entries(zip_with_link("zip", "/etc/passwd"))
    assert [(entry.name, entry.code, entry.data) for entry in found] == [
        (name, ItemCode.NOT_A_FILE, b"") for name in ("link", "device", "hard", "zip")
    ]


def test_a_damaged_entry_of_a_zip_fails_alone() -> None:
    data = bytearray(zip_of([("a.jpg", PHOTO), ("b.jpg", PHOTO)], zipfile.ZIP_STORED))
    data[data.find(PHOTO) + 5] ^= 0xFF
    assert [entry.code for entry in entries(bytes(data))] == [ItemCode.ENTRY_UNREADABLE, ""]


def test_an_archive_in_an_archive_is_handed_on_as_it_is() -> None:
    inner = zip_of([("a.jpg", PHOTO)])
    assert [entry.data for entry in entries(zip_of([("inner.zip", inner)]))] == [inner]


def test_too_many_entries_are_refused() -> None:
    for pack in (zip_of, tar_of, tar_gz_of):
        with pytest.raises(TooManyItems):
            entries(pack([(f"{index}.jpg", b"") for index in range(101)]))


def test_too_many_bytes_are_refused() -> None:
    for pack in (zip_of, tar_of, tar_gz_of):
        with pytest.raises(ArchiveTooLarge):
            entries(pack([(f"{index}.jpg", bytes(9999)) for index in range(60)]))


def lying(archive: bytes, size: int) -> bytes:
    """A ZIP of one entry whose two headers declare a size that is too small."""
    data = bytearray(archive)
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.find(magic) + at
        data[start : start + 4] = size.to_bytes(4, "little")
    return bytes(data)


def test_a_zip_that_lies_about_its_size_gains_nothing() -> None:
    (entry,) = entries(lying(zip_of([("bomb", bytes(50 * MIB))]), 5000))
    assert entry.code == ItemCode.ENTRY_UNREADABLE


HUGE = ArchiveLimits(entries=100_000, entry_bytes=10 * MIB, total_bytes=8 * 1024 * MIB)


def peak_of(data: bytes, limits: ArchiveLimits) -> tuple[type[Exception] | None, int]:
    """The error from reading the archive, if any, and the peak of Python's memory."""
    tracemalloc.start()
    try:
        for _ in archive_entries(io.BytesIO(data), len(data), limits):
            pass
        return None, tracemalloc.get_traced_memory()[1]
    except JobRefused as error:
        return type(error), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_unpacks_without_bound_is_not_read(compression: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("bomb", bytes(50 * MIB))
    data = lying(file.getvalue(), 5000)
    assert [entry.code for entry in entries(data)] == [ItemCode.ENTRY_UNREADABLE]
    assert peak_of(data, LIMITS)[1] < MIB


def test_a_large_photo_is_not_taken_for_a_long_list() -> None:
    photo = np.random.default_rng(1).bytes(3 * MIB) + b"PK\x01\x02" * 200
    few = ArchiveLimits(entries=100, entry_bytes=10 * MIB, total_bytes=100 * MIB)
    assert [entry.data for entry in entries(zip_of([("a.jpg", photo)]), few)] == [photo]


def test_a_bomb_is_refused_before_it_is_unpacked_in_memory() -> None:
    photo = zip_of([("0", bytes(9 * MIB))])
    assert len(photo) < 10_000
    bomb = zip_of([(str(index), bytes(9 * MIB)) for index in range(20)])
    ended, peak = peak_of(bomb, HUGE)
    assert ended is ArchiveTooLarge
    assert peak < 8 * MIB


def test_200_000_entries_are_refused_before_each_is_an_object() -> None:
    one = zip_of([("a", b"")])
    start, end = one.find(b"PK\x01\x02"), one.find(b"PK\x05\x06")
    count = 200_000
    listed = one[start:end] * count
    tail = bytearray(one[end:])
    tail[8:12] = (count % 65536).to_bytes(2, "little") * 2
    tail[12:16] = len(listed).to_bytes(4, "little")
    ended, peak = peak_of(one[:start] + listed + bytes(tail), HUGE)
    assert ended is TooManyItems
    assert peak < 4 * len(listed)


def test_a_tar_whose_header_is_a_bomb_is_refused() -> None:
    """A pax header of 512 MiB of zeros takes half a megabyte when it is packed."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 512 * MIB
    raw = header.tobuf(tarfile.USTAR_FORMAT)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        file.write(raw)
        for _ in range(64):
            file.write(bytes(8 * MIB))
    ended, peak = peak_of(packed.getvalue(), HUGE)
    assert ended is ArchiveUnreadable
    assert peak < 8 * MIB


def test_a_tar_that_says_it_goes_on_for_ever_is_refused() -> None:
    member = tarfile.TarInfo("endless")
    member.size = 1 << 60
    ended, peak = peak_of(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024)), HUGE)
    assert ended in (ArchiveTooLarge, ArchiveUnreadable)
    assert peak < 8 * MIB
