"""The base of all lists: rows cannot be edited, counts have a limit, and views are recorded in the audit log."""

from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

from cv.choices import AuditAction
from cv.services import audit_note
from cv.trust.caller import Caller

# Further rows are found with filters and the search.
COUNTED: Final = 10_000


class BoundedPaginator(Paginator):
    """Counts up to a limit only, so that the work does not grow with the table."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


class ReadOnly:
    """Rows cannot be added or changed."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, ModelAdmin):
    """A list of a table that may be long."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_filter_sheet = False
    actions: Any = ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DeletedByServices:
    """Deletes through services, which use their own transactions, then delete files, and record who deleted."""

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Without Django's transaction around the request, inside which files would be deleted."""
        page: HttpResponse = self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]
        return page

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[LogEntry]:
        """Logs nothing: the audit log has the ids; the admin's own log would keep the names of deleted rows."""
        return []


def staff_caller(request: HttpRequest) -> Caller:
    if not isinstance(request.user, User):
        raise TypeError("the admin is for people who logged in")
    return Caller(user=request.user)


def note_list(request: HttpRequest, response: Any, of_analyses: bool) -> None:
    """Records in the audit log which analyses a list showed; its rows are analyses if ``of_analyses``, else faces."""
    shown = getattr(response, "context_data", None) or {}
    if (changes := shown.get("cl")) is None:
        return
    ids = {row.pk if of_analyses else row.analysis_id for row in changes.result_list}
    audit_note(staff_caller(request), AuditAction.ANALYSIS_LIST, sorted(ids))
