"""Pages by cursor: stable while rows are added, and as fast on the last page as on the first."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from api.inputs import MAX_PAGE_SIZE


class NewestFirst(CursorPagination):
    """An invalid cursor is an error in the request (400), not a missing page (404)."""

    ordering = ("-created_at", "-pk")
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except NotFound:
            raise _not_ours() from None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (DjangoValidationError, DataError, OverflowError, ValueError):
            # A forged cursor, whose position is not a valid time.
            raise _not_ours() from None


class InOrder(NewestFirst):
    """Items of a job, in the order in which they were sent."""

    ordering = ("index",)  # type: ignore[assignment]


class BySubject(NewestFirst):
    """People by name."""

    ordering = ("subject",)  # type: ignore[assignment]


class LargestFirst(NewestFirst):
    """Groups by how many faces they have."""

    ordering = ("-face_count", "-pk")


class NewestEventFirst(NewestFirst):
    """The same for the audit log."""

    ordering = ("-at", "-pk")


def _not_ours() -> ValidationError:
    return ValidationError({"cursor": ["not a cursor of this API; take it from `next` or `previous`"]})
