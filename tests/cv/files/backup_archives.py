"""Archives like those of ``manage.py backup``, with something changed."""

import io
import tarfile


def entries(archive: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getmembers()


def with_changed(archive: bytes, name: str, length: int = 1) -> bytes:
    """Has other bytes from two thirds of a member's content on."""
    (entry,) = (entry for entry in entries(archive) if entry.name == name)
    return with_changed_at(archive, entry.offset_data + entry.size * 2 // 3, length)


def with_changed_at(archive: bytes, start: int, length: int = 1) -> bytes:
    changed = bytearray(archive)
    changed[start : start + length] = bytes(byte ^ 1 for byte in changed[start : start + length])
    return bytes(changed)
