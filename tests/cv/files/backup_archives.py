"""Archives like those of ``manage.py backup``, with something changed."""

import io
import json
import tarfile

from cv.files.backups import ABOUT

CHECKSUMS = "SHA256SUMS"


def entries(archive: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getmembers()


def unpacked(archive: bytes) -> dict[str, bytes]:
    return {entry.name: archive[entry.offset_data : entry.offset_data + entry.size] for entry in entries(archive)}


def packed(contents: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def earlier(archive: bytes) -> bytes:
    """The same backup in format 1, which had no checksums."""
    contents = unpacked(archive)
    contents.pop(CHECKSUMS, None)
    about = json.loads(contents[ABOUT])
    return packed({**contents, ABOUT: json.dumps({**about, "format": 1}).encode()})


def with_changed(archive: bytes, name: str, length: int = 1) -> bytes:
    """Has other bytes from two thirds of a member's content on."""
    (entry,) = (entry for entry in entries(archive) if entry.name == name)
    return with_changed_at(archive, entry.offset_data + entry.size * 2 // 3, length)


def with_changed_at(archive: bytes, start: int, length: int = 1) -> bytes:
    changed = bytearray(archive)
    changed[start : start + length] = bytes(byte ^ 1 for byte in changed[start : start + length])
    return bytes(changed)
