"""Analyses: searched and filtered, shown with their boxes, deleted, exported, described again, subjects erased."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RangeDateFilter

from cv.choices import AuditAction
from cv.files.pictures import picture_response
from cv.models import Analysis, Face, FaceLabel, IdempotentRequest
from cv.services import analyses_delete, analysis_delete, audit_note
from cv.services.traces import traces_remove
from web.admin.actions import AnalysisActions
from web.admin.answers import Shares, answer_columns
from web.admin.base import DeletedByServices, ReadOnly, ReadOnlyAdmin, note_list, staff_caller
from web.admin.filters import FACE_FILTERS, KeptFilter, KeyFilter, VersionFilter, named
from web.admin.overlay import overlay_svg


class FaceInline(Shares, ReadOnly, TabularInline):
    model = Face
    extra = 0
    can_delete = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("index", "sure_of_face", *answer_columns(), "quality")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("sure_of_face", *answer_columns(), "quality")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Face]:
        faces: QuerySet[Face] = super().get_queryset(request)
        return faces.select_related("analysis")


@admin.register(Analysis)
class AnalysisAdmin(AnalysisActions, DeletedByServices, ReadOnlyAdmin):
    list_display = ("thumbnail", "created_at", "subject", "face_count", "by", "source", "milliseconds", "expires_at")
    list_display_links = ("thumbnail", "created_at")
    list_filter = (("created_at", RangeDateFilter), *FACE_FILTERS, "source", KeptFilter, KeyFilter, VersionFilter)
    list_filter_submit = True
    list_select_related = ("owner", "api_key")
    search_fields = ("subject",)
    search_help_text = _("An analysis's id, a subject or a picture's SHA-256, whole")
    sortable_by = ("created_at",)
    exclude = ("picture",)
    readonly_fields = ("overlay",)
    fieldsets = (
        (None, {"fields": ("overlay",)}),
        (_("Request"), {"fields": ("created_at", "expires_at", "owner", "api_key", "subject", "source")}),
        (_("Picture"), {"fields": ("image_width", "image_height", "image_sha256")}),
        (_("Asked"), {"fields": ("asked_attributes", "min_face_px", "max_faces")}),
        (_("Answered"), {"fields": ("model_name", "model_version", "model_sha256", "interval_coverage", "face_count")}),
        (_("Milliseconds"), {"fields": ("decode_ms", "detect_ms", "attributes_ms", "total_ms")}),
    )
    inlines = (FaceInline,)

    @admin.display(description=_("Picture"))
    def thumbnail(self, analysis: Analysis) -> SafeString | str:
        if not analysis.picture:
            return gettext("not kept")
        address = reverse("admin:cv_analysis_picture", args=[analysis.pk])
        return format_html('<img src="{}" alt="" loading="lazy" style="height: 48px; border-radius: 4px">', address)

    @admin.display(description=_("By"))
    def by(self, analysis: Analysis) -> str:
        return analysis.api_key.name if analysis.api_key is not None else str(analysis.owner)

    @admin.display(description=_("Milliseconds"))
    def milliseconds(self, analysis: Analysis) -> str:
        return f"{analysis.total_ms:.0f}"

    @admin.display(description=_("Faces"))
    def overlay(self, analysis: Analysis) -> SafeString:
        kept = reverse("admin:cv_analysis_picture", args=[analysis.pk]) if analysis.has_photo else None
        return overlay_svg(analysis, kept)

    def get_urls(self) -> list[URLPattern]:
        picture = path(
            "<uuid:analysis_id>/picture", self.admin_site.admin_view(self.picture), name="cv_analysis_picture"
        )
        return [picture, *super().get_urls()]

    def picture(self, request: HttpRequest, analysis_id: UUID) -> HttpResponseBase:
        analysis = get_object_or_404(Analysis, pk=analysis_id)
        if not self.has_view_permission(request, analysis):
            raise PermissionDenied
        response = picture_response(analysis)
        audit_note(staff_caller(request), AuditAction.PICTURE_READ, [analysis_id])
        return response

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(named(term)) if term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        note_list(request, response, of_analyses=True)
        return response

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().change_view(request, object_id, *args, **kwargs)
        if response.status_code == 200:
            audit_note(staff_caller(request), AuditAction.ANALYSIS_READ, [object_id])
        return response

    def has_delete_permission(self, request: HttpRequest, obj: Analysis | None = None) -> bool:
        return request.user.has_perm("cv.delete_analysis")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """Faces are deleted with their analysis, although they may not be deleted alone."""
        shown, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return (
            shown,
            counts,
            forbidden - {Face._meta.verbose_name, FaceLabel._meta.verbose_name, IdempotentRequest._meta.verbose_name},
            protected,
        )

    def delete_model(self, request: HttpRequest, obj: Analysis) -> None:
        analysis_delete(obj, staff_caller(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> None:
        analyses_delete(queryset, staff_caller(request))
        traces_remove()
