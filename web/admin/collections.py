"""Collections of people, and the groups of unknown faces in them: how many there are, and deleting them."""

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cv.choices import AuditAction
from cv.models import Collection, FaceGroup, GroupedFace
from cv.search.base import SearchUnavailable
from cv.selectors import counted_collections, enrolled_subjects
from cv.services import audit_note, collection_delete
from cv.services.groups import group_delete
from web.admin.base import DeletedByServices, ReadOnlyAdmin, staff_caller

# People or faces in a detail; the list of enrolled faces has all.
LISTED: Final = 100


class OfPeople(DeletedByServices, ReadOnlyAdmin):
    """For those who may erase subjects."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("cv.delete_analysis")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("cv.delete_analysis")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if (changes := shown.get("cl")) is not None:
            collections = {collection_of(row).pk for row in changes.result_list}
            audit_note(staff_caller(request), AuditAction.COLLECTION_READ, sorted(collections))
        return response

    def change_view(self, request: HttpRequest, object_id: str, *rest: Any, **named: Any) -> HttpResponse:
        response: HttpResponse = super().change_view(request, object_id, *rest, **named)
        row = self.get_object(request, object_id)
        if row is not None:
            audit_note(staff_caller(request), AuditAction.COLLECTION_READ, [collection_of(row).pk])
        return response

    @admin.display(description=_("By"))
    def by(self, row: Any) -> str:
        collection = collection_of(row)
        return collection.api_key.name if collection.api_key is not None else str(collection.owner)


def collection_of(row: Collection | FaceGroup) -> Collection:
    return row if isinstance(row, Collection) else row.collection


@admin.register(Collection)
class CollectionAdmin(OfPeople):
    list_display = ("created_at", "name", "by", "enrolled", "people", "unknown", "ttl_days", "model_version")
    list_select_related = ("owner", "api_key")
    search_fields = ("=id", "name__icontains")
    search_help_text = _("A name, or an id, whole")
    sortable_by = ("created_at",)
    readonly_fields = ("enrolled", "people", "unknown", "subjects")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        rows: QuerySet[Collection] = counted_collections(super().get_queryset(request))
        return rows.annotate(group_count=Count("groups"))

    @admin.display(description=_("Enrolled faces"))
    def enrolled(self, collection: Any) -> int:
        return int(collection.face_count)

    @admin.display(description=_("People"))
    def people(self, collection: Any) -> int:
        return int(collection.subject_count)

    @admin.display(description=_("Groups of unknown faces"))
    def unknown(self, collection: Any) -> int:
        return int(collection.group_count)

    @admin.display(description=_("People, each with the number of their faces"))
    def subjects(self, collection: Collection) -> SafeString:
        """The first people by name; each leads to their faces, where everything about them can be erased."""
        faces = reverse("admin:cv_enrolledface_changelist")
        rows = enrolled_subjects(collection)[:LISTED]
        links = ((faces, urlencode({"q": row["subject"]}), row["subject"], row["face_count"]) for row in rows)
        return format_html_join(", ", '<a href="{}?{}">{}</a> ({})', links)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """The faces are too many to list, and go with the collection although they may not be deleted alone."""
        counts = [(gettext("Collections"), len(objs)), (gettext("Enrolled faces"), sum(row.face_count for row in objs))]
        return [row.name for row in objs], dict(counts), set(), []

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        try:
            collection_delete(obj, staff_caller(request))
        except SearchUnavailable as error:
            self.message_user(request, f"{obj.name}: {error}", messages.ERROR)


@admin.register(FaceGroup)
class FaceGroupAdmin(OfPeople):
    list_display = ("created_at", "collection_name", "by", "faces")
    list_select_related = ("collection__owner", "collection__api_key")
    search_fields = ("=id", "=collection__id")
    search_help_text = _("The id of a group or of a collection, whole")
    sortable_by = ("created_at",)
    readonly_fields = ("faces", "members")

    def get_queryset(self, request: HttpRequest) -> QuerySet[FaceGroup]:
        rows: QuerySet[FaceGroup] = super().get_queryset(request)
        return rows.annotate(face_count=Count("members")).order_by("-created_at", "-pk")

    @admin.display(description=_("Collection"))
    def collection_name(self, group: FaceGroup) -> str:
        return str(group.collection.name)

    @admin.display(description=_("Faces"))
    def faces(self, group: Any) -> int:
        return int(group.face_count)

    @admin.display(description=_("Analyses"))
    def members(self, group: FaceGroup) -> SafeString:
        rows = GroupedFace.objects.filter(group=group).select_related("vector__face").order_by("pk")[:LISTED]
        faces = (row.vector.face for row in rows)
        links = ((reverse("admin:cv_analysis_change", args=[face.analysis_id]), str(face)) for face in faces)
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        counts = {gettext("Groups of unknown faces"): len(objs), gettext("Faces"): sum(row.face_count for row in objs)}
        return [str(row) for row in objs], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: FaceGroup) -> None:
        group_delete(obj, staff_caller(request))
