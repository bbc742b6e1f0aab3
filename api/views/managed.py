"""What keys and webhooks have in common: listed, made, changed and removed by administrators, audited in one go."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from api.authentication import caller_of
from api.inputs import PageInput, StrictSerializer
from api.inputs.strict import given_once
from api.pagination import NewestFirst
from api.sources import json_object
from api.views.base import JsonView, page_response
from cv.choices import AuditAction, Scope
from cv.services import audit_note


class ManagedView(JsonView):
    """The whole of it needs the admin scope."""

    scopes = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.ADMIN)

    def listed(self, request: Request, rows: QuerySet[Any], shape: type[Serializer[Any]]) -> Response:
        """A page of the rows, newest first."""
        PageInput(data=given_once(request.query_params)).is_valid(raise_exception=True)
        pages = NewestFirst()
        return page_response(pages, shape(pages.paginate_queryset(rows, request, self), many=True).data)

    def made(
        self,
        request: Request,
        given: type[StrictSerializer],
        make: Callable[..., tuple[Any, str]],
        shape: type[Serializer[Any]],
        action: AuditAction,
        secret_field: str,
    ) -> Response:
        """A new row, and in ``secret_field`` the secret that only this answer ever shows."""
        fields = given(data=json_object(request))
        fields.is_valid(raise_exception=True)
        with transaction.atomic():
            row, secret = make(**fields.validated_data)
            audit_note(caller_of(request), action, [row.pk])
            body = {**shape(row).data, secret_field: secret}
            return self.remember(Response(body, status=status.HTTP_201_CREATED))

    def changed(
        self,
        request: Request,
        row: Any,
        given: type[StrictSerializer],
        change: Callable[..., Any],
        shape: type[Serializer[Any]],
        action: AuditAction,
    ) -> Response:
        """The row with the fields that were given."""
        fields = given(data=json_object(request), partial=True)
        fields.is_valid(raise_exception=True)
        with transaction.atomic():
            row = change(row, **fields.validated_data)
            audit_note(caller_of(request), action, [row.pk])
        return Response(shape(row).data)

    def removed(self, request: Request, row: Any, remove: Callable[[Any], None], action: AuditAction) -> Response:
        """Nothing any more; what is not in the audit log did not happen."""
        pk = row.pk
        with transaction.atomic():
            remove(row)
            audit_note(caller_of(request), action, [pk])
        return Response(status=status.HTTP_204_NO_CONTENT)
