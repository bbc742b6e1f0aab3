"""Reads the image of a request: exactly one file, base64 text or address."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request

from api.exceptions import AmbiguousImageSource, BodyTooLarge, CompressedBody
from api.forms import nested
from cv.choices import Source
from cv.engine.errors import VideoTooLarge
from cv.jobs.errors import ArchiveTooLarge
from cv.outbound.fetch import UrlForbidden, fetch_image
from cv.serving.gate import Overloaded
from cv.serving.shares import Shares

TO_STANDARD_ALPHABET = str.maketrans("-_", "+/")
# Form fields, part headers and boundaries around a file.
FORM_OVERHEAD = 64 * 1024


@cache
def fetches() -> Shares:
    """Limits the addresses fetched at once, apart from the engines' queue, because hosts may be slow."""
    return Shares(settings.XCLOUD_URL_FETCHES)


@dataclass(frozen=True, slots=True)
class Received:
    """A request's image, and its other fields, not yet validated."""

    data: bytes
    source: Source
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """An image or an address, and the other fields of a request."""

    image: Any
    url: Any
    fields: dict[str, Any]


def refuse_huge_body(
    request: Request,
    max_bytes: int | None = None,
    error: type[BodyTooLarge | ArchiveTooLarge | VideoTooLarge] = BodyTooLarge,
) -> None:
    """Checks Content-Length before the body is read. Raises ``error``, ParseError."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if max_bytes is None else max_bytes + FORM_OVERHEAD
    if announced.isdigit() and int(announced) > limit:
        raise error(f"the request has {int(announced):,} bytes; the limit is {limit:,}")
    if "HTTP_TRANSFER_ENCODING" in request.META:
        # Django does not read a body of unknown length; it would appear empty.
        raise ParseError("Transfer-Encoding: send the body with a Content-Length instead")


def refuse_compressed_body(request: Request) -> None:
    """Raises CompressedBody: a small compressed body could fill the memory."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise CompressedBody


def body_of(request: Request) -> Mapping[str, Any]:
    """The parsed body. Raises ParseError."""
    try:
        body = request.data
    except RecursionError:
        raise ParseError("the JSON is nested too deeply") from None
    if not isinstance(body, Mapping):
        raise ParseError("the body must be a JSON object")
    return body


def json_object(request: Request) -> dict[str, Any]:
    """A JSON body; a missing body counts as an empty object. Raises ParseError."""
    return dict(body_of(request))


def split_request(request: Request) -> Parts:
    """Takes image and address out of the body. Raises AmbiguousImageSource, ParseError, ValidationError."""
    body = body_of(request)
    fields = _form(body) if isinstance(body, QueryDict) else dict(body)
    image, url = fields.pop("image", None), fields.pop("url", None)
    if image is not None and url is not None:
        raise AmbiguousImageSource("send either `image` or `url`, not both")
    if image is None and url is None:
        raise ValidationError({"image": ["missing; send a file, base64 text or a data URI here, or send `url`"]})
    return Parts(image, url, fields)


def _form(form: QueryDict) -> dict[str, Any]:
    if len(form.getlist("image")) > 1 or len(form.getlist("url")) > 1:
        raise AmbiguousImageSource("send only one image per request")
    fields = nested(form)
    # A form sends a field that was left empty, too.
    if isinstance(url := fields.get("url"), str) and not url.strip():
        del fields["url"]
    return fields


def read_image(parts: Parts, caller: str) -> Received:
    """The image's bytes. Raises ValidationError, FetchError, ImageTooLarge, Overloaded."""
    if parts.url is not None:
        return Received(_fetched(parts.url, caller), Source.URL, parts.fields)
    if isinstance(parts.image, UploadedFile):
        return Received(_not_empty(parts.image.read(), "the file is empty"), Source.UPLOAD, parts.fields)
    return Received(decode_base64(parts.image), Source.BASE64, parts.fields)


def _fetched(url: Any, caller: str) -> bytes:
    if not isinstance(url, str) or not url.strip():
        raise ValidationError({"url": ["must be an http or https URL"]})
    if not settings.XCLOUD_URL_INPUT:
        raise UrlForbidden("this server does not fetch images from URLs")
    with fetches().held(caller, Overloaded("too many URLs are being fetched; try again later")):
        data = fetch_image(url.strip(), settings.XCLOUD_ENGINE.limits.max_bytes, caller)
    if not data:
        raise ValidationError({"url": ["the file is empty"]})
    return data


def decode_base64(text: Any) -> bytes:
    """Raw base64 or a data URI, in the standard or the URL-safe alphabet, with or without padding and line breaks.

    Raises ValidationError.
    """
    if not isinstance(text, str):
        raise ValidationError({"image": ["must be a file, base64 text or a data URI"]})
    text = text.strip()
    if text[:8].lower().startswith(("http://", "https://")):
        raise ValidationError({"image": ["this is a URL; send it in `url`"]})
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise ValidationError({"image": ["a data URI must have the form data:image/…;base64,…"]})
    # An unescaped "+" of a URL-encoded form arrives as a space; base64 itself has none.
    letters = "".join(text.strip().replace(" ", "+").split()).translate(TO_STANDARD_ALPHABET).rstrip("=")
    try:
        data = base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValidationError({"image": ["not valid base64"]}) from None
    return _not_empty(data, "the image is empty")


def _not_empty(data: bytes, message: str) -> bytes:
    if not data:
        raise ValidationError({"image": [message]})
    return data
