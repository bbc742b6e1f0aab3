"""Answers that the server gives without the application: the same JSON as the API's errors."""

import json
import uuid
from http import HTTPStatus
from typing import Any, Final

from gunicorn.http import errors

# The statuses of gunicorn's errors about a head.
STATUS_OF: Final[tuple[tuple[type[Exception], HTTPStatus], ...]] = (
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (errors.ParseException, HTTPStatus.BAD_REQUEST),
)


def build_refusal(status: HTTPStatus, code: str, message: str, headers: str = "") -> bytes:
    """A whole answer; the connection closes after it."""
    error: dict[str, Any] = {"code": code, "message": message, "details": {}}
    body = json.dumps({"error": error, "request_id": uuid.uuid4().hex}).encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def explain_error(error: Exception) -> bytes | None:
    """The answer to a head that gunicorn could not parse; None for errors of the server."""
    for kind, status in STATUS_OF:
        if isinstance(error, kind):
            return build_refusal(status, "invalid_request", f"the request's head: {status.phrase}")
    return None


def too_slow() -> bytes:
    return build_refusal(HTTPStatus.REQUEST_TIMEOUT, "invalid_request", "the request was sent too slowly")


def no_room() -> bytes:
    message = "too many uploads are in progress; try again"
    return build_refusal(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", message, "Retry-After: 5\r\n")


def not_kept() -> bytes:
    message = "the upload cannot be kept: the server's disk is full or cannot be written; nothing was stored"
    return build_refusal(HTTPStatus.SERVICE_UNAVAILABLE, "storage_unavailable", message, "Retry-After: 5\r\n")


def bad_chunk(error: Exception) -> bytes:
    return build_refusal(HTTPStatus.BAD_REQUEST, "invalid_request", f"the request's body: {error}")


def failed() -> bytes:
    return build_refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "something went wrong; it has been logged")
