"""API keys: their owners, when they were last used, and their revocation."""

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cv.choices import AuditAction
from cv.models import ApiKey
from cv.services import api_key_revoke, audit_note
from web.admin.base import ReadOnlyAdmin, staff_caller
from web.admin.making import KeyForm, MadeOnce


@admin.register(ApiKey)
class ApiKeyAdmin(MadeOnce, ReadOnlyAdmin):
    """A key's text is shown once, when it is made."""

    make_form = KeyForm
    made_action = AuditAction.KEY_CREATE
    make_title = _("A new API key")

    list_display = ("name", "prefix", "user", "may_do", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("revoked_at", "created_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    exclude = ("sha256",)
    actions = ("revoke",)

    @admin.display(description=_("scopes"))
    def may_do(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cv.change_apikey")

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        keys = list(queryset)
        with transaction.atomic():
            for key in keys:
                api_key_revoke(key)
            audit_note(staff_caller(request), AuditAction.KEY_REVOKE, [key.pk for key in keys])
        self.message_user(request, gettext("%(number)s keys revoked") % {"number": len(keys)})
