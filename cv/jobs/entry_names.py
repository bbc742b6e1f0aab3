"""Decodes the names of archive entries, whose encoding is often not stated."""

import struct
import zipfile
import zlib
from collections.abc import Sequence
from typing import Final

UTF8_FLAG: Final = 0x800
# Info-ZIP's Unicode path: version 1, the CRC-32 of the other name, the name in UTF-8 (APPNOTE 4.6.9).
UNICODE_PATH: Final = 0x7075
# The encodings of Chinese and Japanese Windows. Many byte strings are valid in both; common characters decide.
LEGACY: Final = ("gbk", "cp932")
# The smallest share of common characters; with less, neither encoding is chosen.
ENOUGH: Final = 0.5


def zip_names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Each entry's name. One encoding is guessed for all names that do not state theirs."""
    raw = [b"" if entry.flag_bits & UTF8_FLAG else entry.filename.encode("cp437") for entry in entries]
    encoding = encoding_of([name for name in raw if not name.isascii()]) or "cp437"
    return [
        entry.filename if not name else unicode_path(entry.extra, name) or name.decode(encoding, "replace")
        for entry, name in zip(entries, raw, strict=True)
    ]


def tar_name(name: str) -> str:
    """Decodes a name that tarfile read as UTF-8, in which invalid bytes are surrogates."""
    raw = name.encode("utf-8", "surrogateescape")
    return raw.decode(encoding_of([raw]) or "utf-8", "replace")


def unicode_path(extra: bytes, name: bytes) -> str:
    """The name in a ZIP's Unicode path field; empty if there is no such field for ``name``."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == UNICODE_PATH and len(field) > 5 and struct.unpack_from("<BI", field) == (1, zlib.crc32(name)):
            return field[5:].decode("utf-8", "replace")
    return ""


def encoding_of(names: Sequence[bytes]) -> str:
    """UTF-8 if all ``names`` are valid; else the legacy encoding that gives common characters; empty if none does."""
    if _decodes(names, "utf-8"):
        return "utf-8"
    shares = {encoding: _common_share(names, encoding) for encoding in LEGACY if _decodes(names, encoding)}
    best = max(shares, key=lambda encoding: shares[encoding], default="")
    return best if shares.get(best, 0) >= ENOUGH else ""


def _decodes(names: Sequence[bytes], encoding: str) -> bool:
    try:
        for name in names:
            name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _common_share(names: Sequence[bytes], encoding: str) -> float:
    """The share of common characters among those beyond ASCII, in [0, 1]."""
    characters = [c for name in names for c in name.decode(encoding) if not c.isascii()]
    return sum(_is_common(c, encoding) for c in characters) / max(len(characters), 1)


def _is_common(character: str, encoding: str) -> bool:
    raw = character.encode(encoding)
    if len(raw) != 2:
        # Half-width katakana, one byte each: the result of decoding Chinese as Japanese.
        return False
    if encoding == "gbk":
        # GB 2312: punctuation and the 6,763 characters of rows 16 to 87.
        return raw[0] >= 0xA1 and raw[1] >= 0xA1
    # JIS X 0208: punctuation, kana and the 2,965 kanji of level 1.
    return 0x81 <= raw[0] <= 0x98
