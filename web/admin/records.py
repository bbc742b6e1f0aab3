"""The audit log, and webhooks with their deliveries."""

from typing import Final

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cv.choices import AuditAction
from cv.models import AuditEvent, Webhook, WebhookDelivery
from cv.outbound.webhooks import post_test
from cv.services import audit_note, webhook_update
from web.admin.base import ReadOnlyAdmin, staff_caller
from web.admin.making import MadeOnce, WebhookForm

# Each may take a quarter of a minute.
TESTED_AT_ONCE: Final = 3


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "count", "request_id")
    list_filter = ("action", "at")
    search_fields = ("=actor", "=request_id")
    sortable_by = ("at",)


@admin.register(Webhook)
class WebhookAdmin(MadeOnce, ReadOnlyAdmin):
    """A webhook's secret is shown once, when it is made."""

    make_form = WebhookForm
    made_action = AuditAction.WEBHOOK_CREATE
    make_title = _("A new webhook")

    list_display = ("url", "events", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("url",)
    exclude = ("secret_sealed",)
    actions = ("send_test", "turn_on", "turn_off")

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description=_("Send a test"), permissions=["manage"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset[:TESTED_AT_ONCE]:
            tried = post_test(webhook)
            words = gettext("%(url)s answered %(status)s") if tried.arrived else gettext("%(url)s: %(error)s")
            said = words % {"url": webhook.url, "status": tried.status, "error": tried.error}
            self.message_user(request, said, messages.SUCCESS if tried.arrived else messages.ERROR)

    @admin.action(description=_("Turn on"), permissions=["manage"])
    def turn_on(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        self._turn(request, queryset, active=True)

    @admin.action(description=_("Turn off"), permissions=["manage"])
    def turn_off(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        self._turn(request, queryset, active=False)

    def _turn(self, request: HttpRequest, queryset: QuerySet[Webhook], active: bool) -> None:
        rows = list(queryset)
        with transaction.atomic():
            for row in rows:
                webhook_update(row, active=active)
            audit_note(staff_caller(request), AuditAction.WEBHOOK_CHANGE, [row.pk for row in rows])


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "webhook", "event", "state", "attempts", "last_status", "last_error")
    list_filter = ("state", "event", "created_at")
    list_select_related = ("webhook",)
    search_fields = ("=id",)
    sortable_by = ("created_at",)
