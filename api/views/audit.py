"""The audit log, which needs the admin scope."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.inputs import AuditInput
from api.inputs.strict import given_once
from api.pagination import NewestEventFirst
from api.serializers import AuditEventSerializer
from api.views.base import JsonView, page_response
from cv.choices import Scope
from cv.selectors import audit_events


class AuditView(JsonView):
    scopes = {"GET": Scope.ADMIN}

    @extend_schema(**schema.AUDIT_LIST)
    def get(self, request: Request) -> Response:
        given = AuditInput(data=given_once(request.query_params))
        given.is_valid(raise_exception=True)
        pages = NewestEventFirst()
        rows = pages.paginate_queryset(audit_events(**given.filters()), request, self)
        return page_response(pages, AuditEventSerializer(rows, many=True).data)
