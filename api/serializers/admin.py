"""The answers about keys, webhooks and the audit log, for administrators."""

from typing import Any

from rest_framework import serializers

from api.fields import OutputName
from cv.choices import AuditAction, DeliveryState, Scope, WebhookEvent


class ApiKeySerializer(serializers.Serializer[Any]):
    """An API key without its secret."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)
    prefix = serializers.CharField(read_only=True, help_text="The key begins with `xc_` and this.")
    user = serializers.CharField(source="user.username", default=None, allow_null=True, read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), read_only=True)
    attributes = serializers.ListField(
        child=OutputName(),
        allow_null=True,
        read_only=True,
        help_text="null means all that the server serves.",
    )
    rate_per_minute = serializers.IntegerField(allow_null=True, read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(allow_null=True, read_only=True)
    expires_at = serializers.DateTimeField(allow_null=True, read_only=True)
    revoked_at = serializers.DateTimeField(allow_null=True, read_only=True)


class NewApiKeySerializer(ApiKeySerializer):
    """A new API key. Only this answer contains the key itself."""

    key = serializers.CharField(read_only=True, default="", help_text="Shown only once.")


class WebhookSerializer(serializers.Serializer[Any]):
    """A webhook without its secret."""

    id = serializers.UUIDField(read_only=True)
    url = serializers.CharField(read_only=True)
    events = serializers.ListField(child=serializers.ChoiceField(choices=WebhookEvent.choices), read_only=True)
    active = serializers.BooleanField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class NewWebhookSerializer(WebhookSerializer):
    """A new webhook. Only this answer contains its secret."""

    secret = serializers.CharField(read_only=True, default="", help_text="Signs every delivery; shown only once.")


class WebhookDeliverySerializer(serializers.Serializer[Any]):
    """The delivery of one event to one webhook."""

    id = serializers.UUIDField(read_only=True)
    event = serializers.ChoiceField(choices=WebhookEvent.choices, read_only=True)
    state = serializers.ChoiceField(choices=DeliveryState.choices, read_only=True)
    attempts = serializers.IntegerField(read_only=True)
    last_status = serializers.IntegerField(allow_null=True, read_only=True)
    last_error = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True, read_only=True)
    finished_at = serializers.DateTimeField(allow_null=True, read_only=True)


class AuditEventSerializer(serializers.Serializer[Any]):
    """Who did what to which rows: ids only, nothing about a person."""

    at = serializers.DateTimeField(read_only=True)
    actor = serializers.CharField(read_only=True)
    action = serializers.ChoiceField(choices=AuditAction.choices, read_only=True)
    objects = serializers.ListField(source="objects_named", child=serializers.CharField(), read_only=True)
    count = serializers.IntegerField(read_only=True)
    request_id = serializers.CharField(read_only=True)
