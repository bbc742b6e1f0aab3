"""The endpoints: each validates, calls one service or selector, and serialises."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import schema
from api.authentication import caller_of
from api.inputs import ListInput, OptionsInput
from api.negotiation import AlwaysJson
from api.pagination import NewestFirst
from api.serializers import AnalysisSerializer, ModelCardSerializer
from api.sources import read_image, refuse_huge_body, split_request
from cv.models import Analysis
from cv.pictures import picture_response
from cv.selectors import analyses_of
from cv.services import AnalysisRequest, analysis_create, analysis_delete
from cv.serving import served_engine


class JsonView(APIView):
    """Base of all views: answers JSON whatever is asked for, and reads no body that is too large."""

    content_negotiation_class = AlwaysJson

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # First of all: checking a session's CSRF token may read the body.
        refuse_huge_body(request)
        super().initial(request, *args, **kwargs)


class AnalysesView(JsonView):
    parser_classes = [JSONParser, MultiPartParser, FormParser]

    @extend_schema(**schema.ANALYSIS_CREATE)
    def post(self, request: Request) -> Response:
        parts = split_request(request)
        options = OptionsInput(data=parts.fields)
        options.is_valid(raise_exception=True)
        received = read_image(parts)
        analysis = analysis_create(
            AnalysisRequest(received.data, received.source, options.analysis_options(), options.store_options()),
            caller_of(request),
        )
        return Response(AnalysisSerializer(analysis).data, status=status.HTTP_201_CREATED)

    @extend_schema(**schema.ANALYSIS_LIST)
    def get(self, request: Request) -> Response:
        filters = ListInput(data=request.query_params.dict())
        filters.is_valid(raise_exception=True)
        pages = NewestFirst()
        rows = pages.paginate_queryset(analyses_of(caller_of(request), filters.wanted()), request, self)
        return pages.get_paginated_response(AnalysisSerializer(rows, many=True).data)


class AnalysisView(JsonView):
    @extend_schema(**schema.ANALYSIS_READ)
    def get(self, request: Request, analysis_id: UUID) -> Response:
        return Response(AnalysisSerializer(own_analysis(request, analysis_id)).data)

    @extend_schema(**schema.ANALYSIS_DELETE)
    def delete(self, request: Request, analysis_id: UUID) -> Response:
        analysis_delete(own_analysis(request, analysis_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PictureView(JsonView):
    @extend_schema(**schema.PICTURE_READ)
    def get(self, request: Request, analysis_id: UUID) -> FileResponse:
        return picture_response(own_analysis(request, analysis_id))


class ModelsView(JsonView):
    @extend_schema(**schema.MODEL_LIST)
    def get(self, request: Request) -> Response:
        return Response({"results": [ModelCardSerializer(served_engine().card).data]})


class ModelView(JsonView):
    @extend_schema(**schema.MODEL_READ)
    def get(self, request: Request, name: str) -> Response:
        card = served_engine().card
        if card.name != name:
            raise NotFound
        return Response(ModelCardSerializer(card).data)


@extend_schema(exclude=True)
class NoSuchRouteView(JsonView):
    """Every other address below /api: a 404 in JSON, logged in or not."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound


def own_analysis(request: Request, analysis_id: UUID) -> Analysis:
    """The caller's analysis; another's is as absent as none. Raises Http404."""
    return get_object_or_404(analyses_of(caller_of(request)), pk=analysis_id)
