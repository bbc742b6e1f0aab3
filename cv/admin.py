"""The admin's lists. Rows are shown, not edited: only services write."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from cv.models import Analysis, ApiKey, Face
from cv.pictures import picture_response
from cv.services import analysis_delete, api_key_revoke

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


class ReadOnly:
    """Neither added nor changed here."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class FaceInline(ReadOnly, TabularInline):
    model = Face
    fields = ("index", "confidence", "age", "gender", "race", "expression", "beauty", "quality_score")
    extra = 0
    can_delete = False


@admin.register(Analysis)
class AnalysisAdmin(ReadOnly, ModelAdmin):
    list_display = ("thumbnail", "id", "created_at", "owner", "api_key", "subject", "source", "face_count", "total_ms")
    list_display_links = ("thumbnail", "id")
    list_filter = ("created_at", "source", "model_version", "faces__gender", "faces__race", "faces__expression")
    list_select_related = ("owner", "api_key")
    search_fields = ("=id", "subject", "image_sha256", "owner__username", "api_key__name")
    date_hierarchy = "created_at"
    exclude = ("picture",)
    readonly_fields = ("thumbnail",)
    inlines = (FaceInline,)

    @admin.display(description="Picture")
    def thumbnail(self, analysis: Analysis) -> SafeString | str:
        if not analysis.picture:
            return "not kept"
        address = reverse("admin:cv_analysis_picture", args=[analysis.pk])
        return format_html('<img src="{}" alt="" loading="lazy" style="height: 48px; border-radius: 4px">', address)

    def get_urls(self) -> list[URLPattern]:
        picture = path(
            "<uuid:analysis_id>/picture", self.admin_site.admin_view(self.picture), name="cv_analysis_picture"
        )
        return [picture, *super().get_urls()]

    def picture(self, request: HttpRequest, analysis_id: UUID) -> FileResponse:
        analysis = get_object_or_404(Analysis, pk=analysis_id)
        if not self.has_view_permission(request, analysis):
            raise PermissionDenied
        return picture_response(analysis)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """Faces go with their analysis, though nobody may delete one alone."""
        shown, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return shown, counts, forbidden - {Face._meta.verbose_name}, protected

    def delete_model(self, request: HttpRequest, obj: Analysis) -> None:
        analysis_delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> None:
        for analysis in queryset:
            analysis_delete(analysis)


@admin.register(Face)
class FaceAdmin(ReadOnly, ModelAdmin):
    list_display = ("analysis", "index", "age", "gender", "race", "expression", "beauty", "confidence", "quality_score")
    list_filter = ("gender", "race", "expression", "analysis__created_at")
    list_select_related = ("analysis",)
    search_fields = ("=analysis__id", "analysis__subject")

    def has_delete_permission(self, request: HttpRequest, obj: Face | None = None) -> bool:
        # Without one of its faces, an analysis would be half a result.
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, ModelAdmin):
    """Keys are made by ``manage.py create_api_key``, which alone ever shows one."""

    list_display = ("name", "prefix", "user", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("revoked_at", "created_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    exclude = ("sha256",)
    actions = ("revoke",)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cv.change_apikey")

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            api_key_revoke(key)
        self.message_user(request, f"{len(queryset)} keys revoked")
