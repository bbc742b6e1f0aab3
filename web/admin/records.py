"""The audit log, and webhooks with their deliveries."""

from django.contrib import admin

from cv.models import AuditEvent, Webhook, WebhookDelivery
from web.admin.base import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "count", "request_id")
    list_filter = ("action", "at")
    search_fields = ("=actor", "=request_id")
    sortable_by = ("at",)


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Made and changed over the API, which shows the secret once."""

    list_display = ("url", "events", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("url",)
    exclude = ("secret_sealed",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "webhook", "event", "state", "attempts", "last_status", "last_error")
    list_filter = ("state", "event", "created_at")
    list_select_related = ("webhook",)
    search_fields = ("=id",)
    sortable_by = ("created_at",)
