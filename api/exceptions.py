"""Maps every failure of a request to one JSON shape with a stable code."""

import logging
import math
import sys
from typing import Any, Final

from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from cv.engine.errors import EngineError
from cv.identity.errors import IdentityRefused
from cv.jobs.errors import JobRefused
from cv.models import Analysis, ApiKey, Collection, Job, Webhook
from cv.outbound.fetch import FetchError
from cv.search.served import IndexBehind
from cv.services.enrolment_errors import EnrolmentRefused
from cv.services.idempotency import IdempotencyConflict, IdempotencyMismatch
from cv.serving.gate import ClientGone, Overloaded
from cv.serving.outages import Outage, outage_of
from cv.trust.sealing import Unreadable
from telemetry import metrics
from telemetry.logs import request_id

log = logging.getLogger(__name__)

STATUS_OF_CODE: Final = {
    "invalid_request": status.HTTP_400_BAD_REQUEST,
    "empty_job": status.HTTP_400_BAD_REQUEST,
    "ambiguous_image_source": status.HTTP_400_BAD_REQUEST,
    "unauthenticated": status.HTTP_401_UNAUTHORIZED,
    "forbidden": status.HTTP_403_FORBIDDEN,
    "identity_off": status.HTTP_403_FORBIDDEN,
    "not_found": status.HTTP_404_NOT_FOUND,
    "method_not_allowed": status.HTTP_405_METHOD_NOT_ALLOWED,
    "idempotency_conflict": status.HTTP_409_CONFLICT,
    "job_conflict": status.HTTP_409_CONFLICT,
    "already_enrolled": status.HTTP_409_CONFLICT,
    "belongs_to_another": status.HTTP_409_CONFLICT,
    "empty_collection": status.HTTP_409_CONFLICT,
    "too_many_to_group": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    "groups_changed": status.HTTP_409_CONFLICT,
    "not_in_group": status.HTTP_409_CONFLICT,
    "collection_too_large": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    "enrolment_too_large": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    "too_many_items": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    "archive_too_large": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    "image_too_large": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    "unsupported_media_type": status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    "idempotency_mismatch": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "undecodable_image": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "image_too_expensive": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "video_too_large": status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    # Of a job's video, never of a request.
    "video_too_long": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "video_too_expensive": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "undecodable_video": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "no_frames": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "no_person": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "format_unavailable": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "archive_encrypted": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "archive_unreadable": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "folder_forbidden": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "no_face": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "too_many_faces": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "other_model": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "several_faces": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "low_quality": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "doubtful_faces": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "far_from_subject": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "url_forbidden": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "url_fetch_failed": status.HTTP_422_UNPROCESSABLE_ENTITY,
    "rate_limited": status.HTTP_429_TOO_MANY_REQUESTS,
    # nginx's status for a client that closed the connection; no client receives it.
    "client_closed_request": 499,
    "internal_error": status.HTTP_500_INTERNAL_SERVER_ERROR,
    "vectors_unreadable": status.HTTP_500_INTERNAL_SERVER_ERROR,
    "index_behind": status.HTTP_503_SERVICE_UNAVAILABLE,
    "search_unavailable": status.HTTP_503_SERVICE_UNAVAILABLE,
    "overloaded": status.HTTP_503_SERVICE_UNAVAILABLE,
    "model_not_ready": status.HTTP_503_SERVICE_UNAVAILABLE,
    "storage_unavailable": status.HTTP_503_SERVICE_UNAVAILABLE,
    "database_unavailable": status.HTTP_503_SERVICE_UNAVAILABLE,
    "limits_unavailable": status.HTTP_503_SERVICE_UNAVAILABLE,
}
# Engine errors about a field of the request: the engine does not know its name.
FIELD_OF_CODE: Final = {
    "image_too_large": "image",
    "image_too_expensive": "image",
    "unsupported_media_type": "image",
    "undecodable_image": "image",
    "no_person": "image",
    "video_too_large": "video",
    "format_unavailable": "format",
}
WRONG_HOST: Final = "this server does not serve this name; its operator can add the name to XCLOUD_ALLOWED_HOSTS"
UNREADABLE: Final = "the request is malformed and could not be read"
FAILED: Final = "the server failed; its log has the reason under this request_id"
UNSEALABLE: Final = "the vectors of this collection were sealed with another SECRET_KEY, or changed since"
NO_ROUTE: Final = "no route has this path"
NOT_ALLOWED: Final = "your key or login does not allow this"
PROBLEM: Final = "application/problem+json"
RETRY_AFTER_S: Final = {"overloaded": "1", "model_not_ready": "10", "index_behind": "5"}


class AmbiguousImageSource(exceptions.APIException):
    """More than one image came in."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "ambiguous_image_source"


class BodyTooLarge(exceptions.APIException):
    """The request announces more bytes than the largest image needs; the body was not read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "image_too_large"


class CompressedBody(exceptions.APIException):
    """The request's body is compressed."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"
    default_detail = "compressed bodies are not accepted; send the body as it is"


def envelope(code: str, message: str, details: Any = None) -> dict[str, Any]:
    """The body of every error. ``details`` has the messages of each field, if any."""
    return {"error": {"code": code, "message": message, "details": details or {}}, "request_id": request_id.get()}


def problem(code: str, message: str, details: Any = None) -> dict[str, Any]:
    """The body of an error as RFC 9457 says, for clients that ask for it; our own fields follow."""
    return {
        "type": f"urn:xcloud:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": STATUS_OF_CODE[code],
        "detail": message,
        "code": code,
        "details": details or {},
        "request_id": request_id.get(),
    }


def wants_problem(request: HttpRequest | Request | None) -> bool:
    """Whether the client accepts ``application/problem+json`` by name."""
    return request is not None and PROBLEM in request.headers.get("Accept", "").lower()


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook for all exceptions. Unexpected errors are logged and answered as ``internal_error``."""
    set_rollback()
    code, message, details = described(error)
    metrics.ERRORS.labels(code).inc()
    headers = dict(getattr(error, "headers", None) or {})
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    if outage := outage_of(error):
        headers["Retry-After"] = str(outage.retry_after_s)
    elif code in RETRY_AFTER_S:
        headers["Retry-After"] = RETRY_AFTER_S[code]
    if STATUS_OF_CODE[code] >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        # Being busy is not a fault, and a traceback for each refused request would add to the load.
        traceback = None if isinstance(error, Overloaded) else error
        log.error(code, exc_info=traceback, extra={"code": code})
    headers["Vary"] = "Accept"
    if wants_problem(context.get("request")):
        body = problem(code, message, details)
        return Response(body, status=STATUS_OF_CODE[code], headers=headers, content_type=PROBLEM)
    return Response(envelope(code, message, details), status=STATUS_OF_CODE[code], headers=headers)


def described(error: Exception) -> tuple[str, str, Any]:
    """Code, message and details of an exception."""
    match error:
        case EngineError() | FetchError():
            field = "url" if isinstance(error, FetchError) else FIELD_OF_CODE.get(error.code)
            # A request with two images says which.
            field = getattr(error, "field", field) if field else None
            message = f"{field}: {error}" if field else str(error)
            return error.code, message, {field: [str(error)]} if field else None
        case JobRefused():
            return error.code, f"{error.field}: {error}", {error.field: [str(error)]}
        case EnrolmentRefused():
            return error.code, f"{error.field}: {error}", {error.field: [str(error)], **error.facts}
        case IdentityRefused():
            message = f"{error.field}: {error}" if error.field else str(error)
            return error.code, message, {error.field: [str(error)]} if error.field else None
        case AmbiguousImageSource() | BodyTooLarge():
            return error.default_code, f"image: {error.detail}", {"image": [str(error.detail)]}
        case CompressedBody():
            return error.default_code, f"Content-Encoding: {error.detail}", {"Content-Encoding": [str(error.detail)]}
        case exceptions.ValidationError():
            return "invalid_request", first_message(error.detail), error.detail
        case exceptions.NotAuthenticated():
            return "unauthenticated", "Authorization: send an API key as `Bearer KEY`, or log in", None
        case exceptions.AuthenticationFailed():
            return "unauthenticated", str(error.detail), None
        case exceptions.PermissionDenied():
            return "forbidden", str(error.detail), None
        case PermissionDenied():
            return "forbidden", str(error) or NOT_ALLOWED, None
        case Http404() | exceptions.NotFound():
            return "not_found", str(error) or "not found", None
        case exceptions.MethodNotAllowed():
            return "method_not_allowed", str(error.detail), None
        case exceptions.UnsupportedMediaType():
            return "unsupported_media_type", f"Content-Type: {error.detail}", None
        case exceptions.Throttled():
            return "rate_limited", str(error.detail), None
        case RequestDataTooBig():
            return "image_too_large", "image: the request is larger than this server accepts", None
        case exceptions.ParseError():
            return "invalid_request", str(error.detail), None
        case SuspiciousOperation() | UnreadablePostError():
            return "invalid_request", UNREADABLE, None
        case IdempotencyConflict() | IdempotencyMismatch():
            code = "idempotency_conflict" if isinstance(error, IdempotencyConflict) else "idempotency_mismatch"
            return code, f"Idempotency-Key: {error}", {"Idempotency-Key": [str(error)]}
        case Overloaded() | ClientGone() | IndexBehind():
            return error.code, str(error), None
        case Unreadable():
            return "vectors_unreadable", UNSEALABLE, None
        case Analysis.DoesNotExist():
            return "not_found", "no analysis has this id", None
        case Job.DoesNotExist():
            return "not_found", "no job has this id", None
        case Collection.DoesNotExist():
            return "not_found", "no collection has this id", None
        case Webhook.DoesNotExist() | ApiKey.DoesNotExist():
            return "not_found", "it was deleted meanwhile", None
    if outage := outage_of(error):
        return outage.code, outage.message, None
    return "internal_error", FAILED, None


def first_message(detail: Any, field: str = "") -> str:
    """The first message of a validation error, led by the full name of its field."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        inner_field = field if name == "non_field_errors" else f"{field}.{name}" if field else str(name)
        return first_message(inner, inner_field)
    if isinstance(detail, list):
        return first_message(next(item for item in detail if item), field)
    return f"{field}: {detail}" if field else str(detail)


# Django's error answers outside DRF's views: JSON below /api, the usual page elsewhere.


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _json(request: HttpRequest, code: str, message: str) -> HttpResponse:
    shape, media_type = (problem, PROBLEM) if wants_problem(request) else (envelope, "application/json")
    return JsonResponse(
        shape(code, message), status=STATUS_OF_CODE[code], headers={"Vary": "Accept"}, content_type=media_type
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    wrong_host = isinstance(exception, DisallowedHost)
    if _is_api(request):
        return _json(request, "invalid_request", f"Host: {WRONG_HOST}" if wrong_host else UNREADABLE)
    if wrong_host:
        return HttpResponse(f"{WRONG_HOST}\n", content_type="text/plain; charset=utf-8", status=400)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _json(request, "forbidden", NOT_ALLOWED)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _json(request, "not_found", NO_ROUTE)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Called for exceptions of middleware, too: sessions and log-ins also write rows."""
    if outage := outage_of(sys.exception()):
        return _outage(request, outage)
    if _is_api(request):
        return _json(request, "internal_error", FAILED)
    return defaults.server_error(request)


def _outage(request: HttpRequest, outage: Outage) -> HttpResponse:
    metrics.ERRORS.labels(outage.code).inc()
    if _is_api(request):
        response = _json(request, outage.code, outage.message)
    else:
        # Without the request: looking up the logged-in user would query the database.
        response = HttpResponse(render_to_string("503.html", {"code": outage.code}), status=503)
    response.headers["Retry-After"] = str(outage.retry_after_s)
    return response
