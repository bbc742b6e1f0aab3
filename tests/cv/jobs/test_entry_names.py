"""Names of archive entries are decoded correctly for every packing tool, and files that are not photos are skipped."""

import io
import struct
import tarfile
import zipfile
import zlib

import pytest

from cv.jobs.archives import ArchiveLimits, archive_entries

LIMITS = ArchiveLimits(entries=100, entry_bytes=10_000, total_bytes=500_000)


def names_of(data: bytes) -> list[str]:
    return [entry.name for entry in archive_entries(io.BytesIO(data), len(data), LIMITS)]


def zip_of_raw(names: list[bytes], extra: bytes = b"") -> bytes:
    """A ZIP whose names are bytes without the UTF-8 flag, as old Windows tools write it."""
    file = io.BytesIO()
    stand_ins = [f"{index}" + "x" * (len(name) - 1) for index, name in enumerate(names)]
    with zipfile.ZipFile(file, "w") as archive:
        for stand_in in stand_ins:
            entry = zipfile.ZipInfo(stand_in)
            entry.extra = extra
            archive.writestr(entry, b"photo")
    data = file.getvalue()
    for stand_in, name in zip(stand_ins, names, strict=True):
        data = data.replace(stand_in.encode(), name)
    return data


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["照片.jpg", "毕业合影/张三.jpg"], "gbk"),
        (["集合写真.jpg", "新しいフォルダー/東京タワー.jpg"], "cp932"),
        (["照片.jpg", "Grüße.jpg", "Прага.jpg"], "utf-8"),
        (["Übung für Anfänger.jpg"], "cp437"),
    ],
)
def test_a_zip_without_the_utf8_flag_keeps_its_names(names: list[str], encoding: str) -> None:
    assert names_of(zip_of_raw([name.encode(encoding) for name in names])) == names


def test_a_zips_unicode_path_field_counts_if_it_belongs_to_the_name() -> None:
    raw, name = "北京.jpg".encode("gbk"), "other, in UTF-8.jpg"
    field = b"\x01" + struct.pack("<I", zlib.crc32(raw)) + name.encode()
    assert names_of(zip_of_raw([raw], struct.pack("<HH", 0x7075, len(field)) + field)) == [name]
    stale = b"\x01" + struct.pack("<I", 1) + name.encode()
    assert names_of(zip_of_raw([raw], struct.pack("<HH", 0x7075, len(stale)) + stale)) == ["北京.jpg"]


@pytest.mark.parametrize("encoding", ["gbk", "cp932", "utf-8"])
def test_a_tar_keeps_its_names(encoding: str) -> None:
    name = {"cp932": "集合写真.jpg"}.get(encoding, "照片.jpg")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT, encoding=encoding) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"photo"))
    assert names_of(file.getvalue()) == [name]


def test_what_services_and_cameras_put_beside_photos_is_passed_over() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in (
            "Photos/IMG_1.jpg", "Photos/IMG_1.jpg.json", "Photos/IMG_1.AAE", "Photos/IMG_3.MOV", "readme.txt",
            "@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_M.jpg", "Photos/.thumbnails/1.jpg", "__MACOSX/Photos/._IMG_1.jpg",
            "Photos/contract.pdf",
        ):  # fmt: skip
            archive.writestr(name, b"photo")
    assert names_of(file.getvalue()) == ["Photos/IMG_1.jpg", "Photos/contract.pdf"]
