"""The enrolled faces of all collections, found by their subject: people may be known who have no analysis."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from cv.choices import AuditAction
from cv.models import EnrolledFace
from cv.services import audit_note
from web.admin.base import ReadOnlyAdmin, staff_caller
from web.admin.erasure import ErasesSubjects


@admin.register(EnrolledFace)
class EnrolledFaceAdmin(ErasesSubjects, ReadOnlyAdmin):
    """For those who may erase subjects. The vectors are not read."""

    list_display = ("created_at", "subject", "collection_name", "by", "expires_at")
    list_select_related = ("collection__owner", "collection__api_key")
    search_fields = ("=subject", "=collection__id")
    search_help_text = _("A subject or a collection's id, whole")
    sortable_by = ("created_at",)
    exclude = ("vector",)
    actions = ("erase_subjects",)

    @admin.display(description=_("Collection"))
    def collection_name(self, face: EnrolledFace) -> str:
        return str(face.collection.name)

    @admin.display(description=_("By"))
    def by(self, face: EnrolledFace) -> str:
        key = face.collection.api_key
        return key.name if key is not None else str(face.collection.owner)

    def has_view_permission(self, request: HttpRequest, obj: EnrolledFace | None = None) -> bool:
        return self.has_erase_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EnrolledFace]:
        rows: QuerySet[EnrolledFace] = super().get_queryset(request)
        return rows.defer("vector")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if (changes := shown.get("cl")) is not None:
            collections = {row.collection_id for row in changes.result_list}
            audit_note(staff_caller(request), AuditAction.COLLECTION_READ, sorted(collections))
        return response
