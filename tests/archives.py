"""Archives that tests send: ordinary ones and malicious ones."""

import gzip
import io
import tarfile
import warnings
import zipfile
from collections.abc import Iterable

Files = Iterable[tuple[str, bytes]]


def zip_of(files: Files, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", compression) as archive:
        # zipfile warns about two files with one name, but writes both.
        warnings.simplefilter("ignore", UserWarning)
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return out.getvalue()


def tar_of(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def tar_gz_of(files: Files) -> bytes:
    return gzip.compress(tar_of(files), 1)


def encrypted(archive: bytes) -> bytes:
    """The same ZIP with the encryption flag set on every entry, in both of its headers."""
    data = bytearray(archive)
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(magic, at + 4)
    return bytes(data)


def zip_with_link(name: str, target: str) -> bytes:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, target)
    return out.getvalue()


def tar_with(*members: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"\0" * member.size))
    return out.getvalue()
