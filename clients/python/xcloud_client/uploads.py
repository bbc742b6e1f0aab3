"""Pictures and archives to send: bytes, paths, file objects, or for pictures an address that the server fetches."""

import io
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO

File = bytes | bytearray | memoryview | PathLike[str] | IO[bytes]
# A text is a path, or an http(s) address.
Picture = File | str
Archive = File | str


def address_of(picture: Picture) -> str | None:
    """The http(s) address that the server shall fetch, if the picture is one."""
    return picture if isinstance(picture, str) and picture.startswith(("http://", "https://")) else None


def bytes_of(picture: Picture) -> bytes:
    """Raises OSError, TypeError."""
    match picture:
        case bytes() | bytearray() | memoryview():
            return bytes(picture)
        case str() | PathLike():
            return Path(picture).read_bytes()
    data = picture.read()
    if not isinstance(data, bytes):
        raise TypeError("a file must be opened in binary mode: open(path, 'rb')")
    return data


def text_of(picture: Picture) -> str:
    """The bytes in base64."""
    return b64encode(bytes_of(picture)).decode()


@contextmanager
def opened(archive: Archive) -> Iterator[IO[bytes]]:
    """A file that httpx streams, again from its start on every try.

    A file object that stands elsewhere or cannot go back, such as a pipe, is read into memory from where it stands. The
    caller's own file object stays open. Raises OSError, TypeError.
    """
    match archive:
        case str() | PathLike():
            with Path(archive).open("rb") as file:
                yield file
        case bytes() | bytearray() | memoryview():
            yield io.BytesIO(archive)
        case _:
            at_start = archive.seekable() and archive.tell() == 0
            yield archive if at_start else io.BytesIO(bytes_of(archive))
