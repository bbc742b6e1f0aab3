"""What the lists share: nothing can be edited, nothing is counted without end, looking is written down."""

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

# Nobody leafs further; filters and the search get there.
COUNTED: Final = 10_000


class BoundedPaginator(Paginator):
    """Counts up to a limit and then stops: the work does not grow with the table."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


class ReadOnly:
    """Neither added nor changed here."""

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
    """Deletes through services, which have transactions of their own, delete files behind them and note who did."""

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Without Django's transaction around all of it, in which files would be deleted."""
        page: HttpResponse = self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]
        return page

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[LogEntry]:
        """None: the audit log has them, by their ids; the admin's own log would keep names of what is gone."""
        return []


def staff_caller(request: HttpRequest) -> Caller:
    if not isinstance(request.user, User):
        raise TypeError("the admin is for people who logged in")
    return Caller(user=request.user)


def note_list(request: HttpRequest, response: Any, of_analyses: bool) -> None:
    """Writes down which analyses a list showed; ``of_analyses`` or of faces."""
    shown = getattr(response, "context_data", None) or {}
    if (changes := shown.get("cl")) is None:
        return
    ids = {row.pk if of_analyses else row.analysis_id for row in changes.result_list}
    audit_note(staff_caller(request), AuditAction.ANALYSIS_LIST, sorted(ids))
