"""Chosen analyses as one CSV file, for the page's download buttons."""

import json
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse

from cv.choices import AuditAction
from cv.selectors import analyses_of
from cv.services import audit_note
from cv.tables import analyses_csv
from web.pages.base import action, caller_of

AT_ONCE: Final = 1000


@action
def table(request: HttpRequest) -> HttpResponse:
    """The visitor's analyses that the body names, in its order: ``[[id, the photo's name], …]`` as JSON."""
    try:
        chosen = photos_named(json.loads(request.body))
    except (ValueError, RecursionError) as error:
        return HttpResponse(str(error), status=HTTPStatus.BAD_REQUEST, content_type="text/plain")
    caller = caller_of(request)
    rows = analyses_of(caller).in_bulk([pk for pk, _ in chosen])
    if any(pk not in rows for pk, _ in chosen):
        raise Http404
    audit_note(caller, AuditAction.ANALYSIS_READ, list(rows))
    text = analyses_csv([(name, rows[pk]) for pk, name in chosen], caller.attributes)
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Cache-Control"] = "private, no-store"
    return response


def photos_named(body: Any) -> list[tuple[UUID, str]]:
    """Raises ValueError."""
    match body:
        case [*pairs] if len(pairs) <= AT_ONCE and all(map(is_pair, pairs)):
            return [(UUID(pk), name) for pk, name in pairs]
    raise ValueError(f"send up to {AT_ONCE} pairs of an analysis's id and its photo's name")


def is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value)
