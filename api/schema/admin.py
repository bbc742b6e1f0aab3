"""The schema of keys, webhooks and the audit log."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse

from api.inputs import AuditInput, KeyInput, KeyUpdateInput, PageInput, WebhookInput, WebhookUpdateInput
from api.schema import examples
from api.schema.parts import BODY, IDEMPOTENCY_KEY, REMEMBERED, answer, errors, page_of, sent
from api.serializers import (
    ApiKeySerializer,
    AuditEventSerializer,
    NewApiKeySerializer,
    NewWebhookSerializer,
    WebhookDeliverySerializer,
    WebhookSerializer,
)

SCOPE: Final = "Scope `admin`."

KEY_LIST: Final[dict[str, Any]] = {
    "operation_id": "api_key_list",
    "summary": "List all API keys, newest first",
    "description": SCOPE,
    "parameters": [PageInput],
    "responses": {200: page_of("ApiKeyPage", ApiKeySerializer, examples.KEY), **errors()},
    "filters": False,
}
KEY_CREATE: Final[dict[str, Any]] = {
    "operation_id": "api_key_create",
    "summary": "Create an API key",
    "description": f"This answer shows the key, and no later one does. {SCOPE}",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"application/json": KeyInput},
    "responses": {
        201: answer(NewApiKeySerializer, {**examples.KEY, "key": examples.NEW_KEY}, "Created."),
        **errors(*BODY, *REMEMBERED),
    },
    "examples": [
        sent(
            "A camera that may not get the race or delete",
            {
                "name": "door camera",
                "scopes": ["analyse", "read"],
                "attributes": ["age", "gender"],
                "rate_per_minute": 60,
                "expires_at": "2027-11-22T00:00:00Z",
            },
        )
    ],
}
KEY_READ: Final[dict[str, Any]] = {
    "operation_id": "api_key_read",
    "summary": "Read one API key",
    "description": SCOPE,
    "responses": {200: answer(ApiKeySerializer, examples.KEY, "The key's row."), **errors("not_found")},
}
KEY_UPDATE: Final[dict[str, Any]] = {
    "operation_id": "api_key_update",
    "summary": "Change what an API key may do",
    "description": SCOPE,
    "request": {"application/json": KeyUpdateInput},
    "responses": {200: answer(ApiKeySerializer, examples.KEY, "Changed."), **errors("not_found", *BODY)},
    "examples": [sent("Two attributes and no other", {"attributes": ["age", "gender"]})],
}
KEY_REVOKE: Final[dict[str, Any]] = {
    "operation_id": "api_key_revoke",
    "summary": "Revoke an API key",
    "description": f"It stops working with the next request; its row stays as a record. {SCOPE}",
    "responses": {204: OpenApiResponse(description="Revoked."), **errors("not_found")},
}
WEBHOOK_LIST: Final[dict[str, Any]] = {
    "operation_id": "webhook_list",
    "summary": "List all webhooks, newest first",
    "description": SCOPE,
    "parameters": [PageInput],
    "responses": {200: page_of("WebhookPage", WebhookSerializer, examples.WEBHOOK), **errors()},
    "filters": False,
}
WEBHOOK_CREATE: Final[dict[str, Any]] = {
    "operation_id": "webhook_create",
    "summary": "Create a webhook",
    "description": "Each event is posted to the URL and signed with the secret. Only this answer shows the secret. The "
    f"documentation explains how to check the signature. {SCOPE}",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"application/json": WebhookInput},
    "responses": {
        201: answer(NewWebhookSerializer, {**examples.WEBHOOK, "secret": examples.NEW_SECRET}, "Created."),
        **errors("url_forbidden", *BODY, *REMEMBERED),
    },
    "examples": [
        sent("New analyses", {"url": "https://example.org/xcloud", "events": ["analysis.created"]}),
    ],
}
WEBHOOK_READ: Final[dict[str, Any]] = {
    "operation_id": "webhook_read",
    "summary": "Read one webhook",
    "description": SCOPE,
    "responses": {200: answer(WebhookSerializer, examples.WEBHOOK, "The webhook."), **errors("not_found")},
}
WEBHOOK_UPDATE: Final[dict[str, Any]] = {
    "operation_id": "webhook_update",
    "summary": "Change a webhook",
    "description": SCOPE,
    "request": {"application/json": WebhookUpdateInput},
    "responses": {
        200: answer(WebhookSerializer, examples.WEBHOOK, "Changed."),
        **errors("not_found", "url_forbidden", *BODY),
    },
    "examples": [sent("Pause it", {"active": False})],
}
WEBHOOK_DELETE: Final[dict[str, Any]] = {
    "operation_id": "webhook_delete",
    "summary": "Delete a webhook and its delivery log",
    "description": SCOPE,
    "responses": {204: OpenApiResponse(description="Deleted."), **errors("not_found")},
}
DELIVERY_LIST: Final[dict[str, Any]] = {
    "operation_id": "webhook_delivery_list",
    "summary": "List the deliveries of a webhook, newest first",
    "description": SCOPE,
    "parameters": [PageInput],
    "responses": {
        200: page_of("WebhookDeliveryPage", WebhookDeliverySerializer, examples.DELIVERY),
        **errors("not_found"),
    },
    "filters": False,
}
AUDIT_LIST: Final[dict[str, Any]] = {
    "operation_id": "audit_list",
    "summary": "List who read, exported, erased or managed what, newest first",
    "description": SCOPE,
    "parameters": [AuditInput],
    "responses": {200: page_of("AuditPage", AuditEventSerializer, examples.AUDIT_EVENT), **errors()},
    "filters": False,
}
