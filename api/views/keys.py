"""API keys, managed with the admin scope."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.idempotency import idempotent
from api.inputs import KeyInput, KeyUpdateInput
from api.serializers import ApiKeySerializer, NewApiKeySerializer
from api.views.base import find_row
from api.views.managed import ManagedView
from cv.choices import AuditAction
from cv.models import ApiKey
from cv.selectors import api_keys
from cv.services import api_key_create, api_key_revoke, api_key_update


class ApiKeysView(ManagedView):
    @extend_schema(**schema.KEY_LIST)
    def get(self, request: Request) -> Response:
        return self.listed(request, api_keys(), ApiKeySerializer)

    @extend_schema(**schema.KEY_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        return self.made(request, KeyInput, api_key_create, NewApiKeySerializer, AuditAction.KEY_CREATE, "key")


class ApiKeyView(ManagedView):
    @extend_schema(**schema.KEY_READ)
    def get(self, request: Request, key_id: int) -> Response:
        return Response(ApiKeySerializer(found(key_id)).data)

    @extend_schema(**schema.KEY_UPDATE)
    def patch(self, request: Request, key_id: int) -> Response:
        row = found(key_id)
        return self.changed(request, row, KeyUpdateInput, api_key_update, ApiKeySerializer, AuditAction.KEY_CHANGE)

    @extend_schema(**schema.KEY_REVOKE)
    def delete(self, request: Request, key_id: int) -> Response:
        return self.removed(request, found(key_id), api_key_revoke, AuditAction.KEY_REVOKE)


def found(key_id: int) -> ApiKey:
    """Finds revoked keys, too, because they are part of the record. Raises NotFound."""
    return find_row(api_keys(), key_id)
