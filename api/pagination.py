"""Pages by cursor: steady while rows are added, and as quick on the last page as on the first."""

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from api.inputs import MAX_PAGE_SIZE


class NewestFirst(CursorPagination):
    """A broken cursor is a mistake in the request (400), not a page that is missing."""

    ordering = ("-created_at", "-pk")
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except NotFound:
            raise ValidationError({"cursor": ["not a cursor that this API gave out"]}) from None
