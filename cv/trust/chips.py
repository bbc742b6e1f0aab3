"""Small pictures of faces: when they are kept, and how they are sealed: a copy of the database shows no face."""

from enum import StrEnum
from typing import Final

from cv.trust.sealing import seal_bytes, unseal_bytes

PURPOSE: Final = "face chip"


class FaceChips(StrEnum):
    """Whether small pictures of faces are kept where the photo is not."""

    NEVER = "never"
    ASKED = "asked"
    # Unless a request says no.
    DEFAULT = "default"


def seal_chip(jpeg: bytes, face: int) -> bytes:
    """``face`` is the primary key of the row that it belongs to."""
    return seal_bytes(PURPOSE, jpeg, str(face))


def unseal_chip(sealed: bytes | memoryview, face: int) -> bytes:
    """The JPEG. Raises Unreadable."""
    return unseal_bytes(PURPOSE, bytes(sealed), str(face))
