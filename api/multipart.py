"""Parses multipart forms whose files may have no names, which some programs send."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import IO, Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from rest_framework import parsers

# Django decodes a part without a file name as text, and bytes that are not UTF-8 would be lost.
LOSSLESS: Final = "xcloud-lossless"
# The fields that may be files.
FILES: Final = ("image", "archive", "video", "first", "second")


def _lossless(name: str) -> codecs.CodecInfo | None:
    """UTF-8 that keeps each invalid byte as half of a surrogate pair."""
    if name != LOSSLESS.replace("-", "_"):
        return None

    def decode(data: Any, errors: str = "strict") -> tuple[str, int]:
        return bytes(data).decode("utf-8", "surrogateescape"), len(data)

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return text.encode("utf-8", "surrogateescape"), len(text)

    return codecs.CodecInfo(encode, decode, name=LOSSLESS)


codecs.register(_lossless)


class MultiPartParser(parsers.MultiPartParser):
    """DRF's, which also takes a file whose part has no file name."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> parsers.DataAndFiles[Any, Any]:
        """Raises ParseError."""
        parsed = super().parse(stream, media_type, {**(parser_context or {}), "encoding": LOSSLESS})
        form = QueryDict(mutable=True)
        for name, values in parsed.data.lists():
            for value in values:
                data = value.encode("utf-8", "surrogateescape")
                # Text has no null character, and base64 is ASCII.
                if name in FILES and (b"\0" in data or not data.isascii()):
                    parsed.files.appendlist(name, SimpleUploadedFile(name, data))
                else:
                    form.appendlist(_text(name), data.decode("utf-8", "replace"))
        return parsers.DataAndFiles(form, parsed.files)


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
