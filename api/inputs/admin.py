"""Inputs of administrators: keys, webhooks, filters of the audit log."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework import serializers

from api.fields import OutputName
from api.inputs.strict import PagingInput, StrictSerializer
from cv.choices import AuditAction, Scope, WebhookEvent
from cv.outbound.addresses import FetchError, UrlForbidden, check_url, resolve_public
from cv.trust.limits import MOST_RATE

LOOK_UP_S = 3.0


class PageInput(PagingInput):
    pass


class KeyUpdateInput(StrictSerializer):
    """The fields of an API key that can be changed."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False, help_text="What the key may do."
    )
    attributes = serializers.ListField(
        child=OutputName(),
        allow_null=True,
        help_text="The attributes that the key may get; null means all of the server's. Others are never computed.",
    )
    rate_per_minute = serializers.IntegerField(
        min_value=1,
        max_value=MOST_RATE,
        allow_null=True,
        help_text="Requests per minute; null means the server's limit.",
    )
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the key stops working; null means never.")

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("must be in the future")
        return value


class KeyInput(KeyUpdateInput):
    """A new key."""

    user = serializers.SlugRelatedField(
        slug_field="username",
        queryset=User.objects.filter(is_active=True),
        required=False,
        allow_null=True,
        default=None,
        help_text="The user whose pages also show the key's analyses.",
    )

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for name in ("scopes", "attributes", "rate_per_minute", "expires_at"):
            fields[name].required = False
        return fields


class WebhookUpdateInput(StrictSerializer):
    """The fields of a webhook that can be changed."""

    url = serializers.CharField(max_length=2000, help_text="An http(s) URL on the public internet.")
    events = serializers.ListField(child=serializers.ChoiceField(choices=WebhookEvent.choices), allow_empty=False)
    active = serializers.BooleanField()

    def validate_url(self, value: str) -> str:
        """Raises UrlForbidden. A name that cannot be looked up now may be there later: each delivery looks again."""
        parts, port = check_url(value)
        try:
            resolve_public(parts.hostname or "", port, LOOK_UP_S, "webhooks")
        except UrlForbidden:
            raise
        except FetchError:
            pass
        return value


class WebhookInput(WebhookUpdateInput):
    """A new webhook."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        del fields["active"]
        return fields


class AuditInput(PagingInput):
    """Filters of the audit log."""

    actor = serializers.RegexField(r"^(key|user):[0-9]{1,18}\Z", required=False, help_text="`key:ID` or `user:ID`.")
    action = serializers.ChoiceField(choices=AuditAction.choices, required=False)
    after = serializers.DateTimeField(required=False)
    before = serializers.DateTimeField(required=False)

    def filters(self) -> dict[str, Any]:
        return {name: self.validated_data.get(name) for name in ("actor", "action", "after", "before")}
