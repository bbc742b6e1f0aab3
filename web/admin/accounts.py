"""People and their roles. People who manage accounts cannot give themselves more rights."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from cv.models import Analysis, ApiKey, Collection, Job
from cv.services import user_delete
from web.admin.base import DeletedByServices, staff_caller

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DeletedByServices, DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and may_touch(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """A person's analyses, jobs and collections go, too, even if they may not be deleted alone; shown as counts."""
        held = Q(owner__in=objs) | Q(api_key__user__in=objs)
        counts = {
            gettext("people"): len(objs),
            gettext("API keys"): ApiKey.objects.filter(user__in=objs).count(),
            gettext("analyses"): Analysis.objects.filter(held).count(),
            gettext("jobs"): Job.objects.filter(held).count(),
            gettext("collections"): Collection.objects.filter(held).count(),
        }
        return [str(user) for user in objs], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        user_delete(obj, staff_caller(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            user_delete(user, staff_caller(request))


def may_touch(request: HttpRequest, user: User | None) -> bool:
    """Only superusers may change a superuser: others could set the password and log in as one."""
    return request.user.is_superuser or user is None or not user.is_superuser


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass
