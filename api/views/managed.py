"""The base of keys and webhooks: administrators list, create, change and remove them; changes are audited."""

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
    """All methods need the admin scope."""

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
        """Answers with a new row and, in ``secret_field``, its secret, which is shown only once."""
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
        """Changes the given fields and answers with the row."""
        fields = given(data=json_object(request), partial=True)
        fields.is_valid(raise_exception=True)
        with transaction.atomic():
            row = change(row, **fields.validated_data)
            audit_note(caller_of(request), action, [row.pk])
        return Response(shape(row).data)

    def removed(self, request: Request, row: Any, remove: Callable[[Any], None], action: AuditAction) -> Response:
        """Removes the row and records it in the audit log, in one transaction."""
        pk = row.pk
        with transaction.atomic():
            remove(row)
            audit_note(caller_of(request), action, [pk])
        return Response(status=status.HTTP_204_NO_CONTENT)
