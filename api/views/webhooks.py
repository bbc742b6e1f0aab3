"""Webhooks and their delivery log, managed by those with the admin scope."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.idempotency import idempotent
from api.inputs import PageInput, WebhookInput, WebhookUpdateInput
from api.pagination import NewestFirst
from api.serializers import NewWebhookSerializer, WebhookDeliverySerializer, WebhookSerializer
from api.sources import json_object
from api.views.base import JsonView, page_response
from cv.choices import AuditAction, Scope
from cv.models import Webhook
from cv.selectors import webhook_deliveries, webhooks
from cv.services import audit_note, webhook_create, webhook_delete, webhook_update


class WebhooksView(JsonView):
    scopes = {"POST": Scope.ADMIN, "GET": Scope.ADMIN}

    @extend_schema(**schema.WEBHOOK_LIST)
    def get(self, request: Request) -> Response:
        PageInput(data=request.query_params.dict()).is_valid(raise_exception=True)
        pages = NewestFirst()
        rows = pages.paginate_queryset(webhooks(), request, self)
        return page_response(pages, WebhookSerializer(rows, many=True).data)

    @extend_schema(**schema.WEBHOOK_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        given = WebhookInput(data=json_object(request))
        given.is_valid(raise_exception=True)
        row, secret = webhook_create(**given.validated_data)
        audit_note(caller_of(request), AuditAction.WEBHOOK_CREATE, [row.pk])
        body = {**NewWebhookSerializer(row).data, "secret": secret}
        return Response(body, status=status.HTTP_201_CREATED)


class WebhookView(JsonView):
    scopes = {"GET": Scope.ADMIN, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}

    @extend_schema(**schema.WEBHOOK_READ)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(WebhookSerializer(found(webhook_id)).data)

    @extend_schema(**schema.WEBHOOK_UPDATE)
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        row = found(webhook_id)
        given = WebhookUpdateInput(data=json_object(request), partial=True)
        given.is_valid(raise_exception=True)
        row = webhook_update(row, **given.validated_data)
        audit_note(caller_of(request), AuditAction.WEBHOOK_CHANGE, [row.pk])
        return Response(WebhookSerializer(row).data)

    @extend_schema(**schema.WEBHOOK_DELETE)
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        webhook_delete(found(webhook_id))
        audit_note(caller_of(request), AuditAction.WEBHOOK_DELETE, [webhook_id])
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeliveriesView(JsonView):
    scopes = {"GET": Scope.ADMIN}

    @extend_schema(**schema.DELIVERY_LIST)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        PageInput(data=request.query_params.dict()).is_valid(raise_exception=True)
        pages = NewestFirst()
        rows = pages.paginate_queryset(webhook_deliveries(found(webhook_id)), request, self)
        return page_response(pages, WebhookDeliverySerializer(rows, many=True).data)


def found(webhook_id: UUID) -> Webhook:
    """Raises Http404."""
    return get_object_or_404(webhooks(), pk=webhook_id)
