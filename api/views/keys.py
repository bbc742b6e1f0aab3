"""API keys, managed by those with the admin scope."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.idempotency import idempotent
from api.inputs import KeyInput, KeyUpdateInput, PageInput
from api.pagination import NewestFirst
from api.serializers import ApiKeySerializer, NewApiKeySerializer
from api.sources import json_object
from api.views.base import JsonView, page_response
from cv.choices import AuditAction, Scope
from cv.models import ApiKey
from cv.selectors import api_keys
from cv.services import api_key_create, api_key_revoke, api_key_update, audit_note


class ApiKeysView(JsonView):
    scopes = {"POST": Scope.ADMIN, "GET": Scope.ADMIN}

    @extend_schema(**schema.KEY_LIST)
    def get(self, request: Request) -> Response:
        PageInput(data=request.query_params.dict()).is_valid(raise_exception=True)
        pages = NewestFirst()
        rows = pages.paginate_queryset(api_keys(), request, self)
        return page_response(pages, ApiKeySerializer(rows, many=True).data)

    @extend_schema(**schema.KEY_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        given = KeyInput(data=json_object(request))
        given.is_valid(raise_exception=True)
        row, key = api_key_create(**given.validated_data)
        audit_note(caller_of(request), AuditAction.KEY_CREATE, [row.pk])
        body = {**NewApiKeySerializer(row).data, "key": key}
        return Response(body, status=status.HTTP_201_CREATED)


class ApiKeyView(JsonView):
    scopes = {"GET": Scope.ADMIN, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}

    @extend_schema(**schema.KEY_READ)
    def get(self, request: Request, key_id: int) -> Response:
        return Response(ApiKeySerializer(found(key_id)).data)

    @extend_schema(**schema.KEY_UPDATE)
    def patch(self, request: Request, key_id: int) -> Response:
        row = found(key_id)
        given = KeyUpdateInput(data=json_object(request), partial=True)
        given.is_valid(raise_exception=True)
        row = api_key_update(row, **given.validated_data)
        audit_note(caller_of(request), AuditAction.KEY_CHANGE, [row.pk])
        return Response(ApiKeySerializer(row).data)

    @extend_schema(**schema.KEY_REVOKE)
    def delete(self, request: Request, key_id: int) -> Response:
        row = found(key_id)
        api_key_revoke(row)
        audit_note(caller_of(request), AuditAction.KEY_REVOKE, [row.pk])
        return Response(status=status.HTTP_204_NO_CONTENT)


def found(key_id: int) -> ApiKey:
    """Revoked keys, too: they are part of the record. Raises Http404."""
    return get_object_or_404(api_keys(), pk=key_id)
