"""Webhooks and their delivery log, managed with the admin scope."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.idempotency import idempotent
from api.inputs import WebhookInput, WebhookUpdateInput
from api.serializers import NewWebhookSerializer, WebhookDeliverySerializer, WebhookSerializer
from api.views.base import find_row
from api.views.managed import ManagedView
from cv.choices import AuditAction
from cv.models import Webhook
from cv.selectors import webhook_deliveries, webhooks
from cv.services import webhook_create, webhook_delete, webhook_update


class WebhooksView(ManagedView):
    @extend_schema(**schema.WEBHOOK_LIST)
    def get(self, request: Request) -> Response:
        return self.listed(request, webhooks(), WebhookSerializer)

    @extend_schema(**schema.WEBHOOK_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        return self.made(
            request, WebhookInput, webhook_create, NewWebhookSerializer, AuditAction.WEBHOOK_CREATE, "secret"
        )


class WebhookView(ManagedView):
    @extend_schema(**schema.WEBHOOK_READ)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(WebhookSerializer(found(webhook_id)).data)

    @extend_schema(**schema.WEBHOOK_UPDATE)
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        row = found(webhook_id)
        return self.changed(
            request, row, WebhookUpdateInput, webhook_update, WebhookSerializer, AuditAction.WEBHOOK_CHANGE
        )

    @extend_schema(**schema.WEBHOOK_DELETE)
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        return self.removed(request, found(webhook_id), webhook_delete, AuditAction.WEBHOOK_DELETE)


class DeliveriesView(ManagedView):
    @extend_schema(**schema.DELIVERY_LIST)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return self.listed(request, webhook_deliveries(found(webhook_id)), WebhookDeliverySerializer)


def found(webhook_id: UUID) -> Webhook:
    """Raises NotFound."""
    return find_row(webhooks(), webhook_id)
