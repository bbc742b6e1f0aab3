"""Endpoints to create, list, read, repeat and delete analyses; and detections, which are not stored."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from api import schema
from api.authentication import caller_of
from api.disconnect import check_of
from api.idempotency import idempotent
from api.inputs import AnalysisInput, DetectionInput, LinkInput, ListInput, NothingInput, check_attributes
from api.inputs.strict import given_once
from api.multipart import MultiPartParser
from api.pagination import NewestFirst
from api.serializers import AnalysisSerializer, DetectionsSerializer, ResultSerializer, StoredSerializer
from api.sources import json_object, read_image, split_request
from api.views.base import JsonView, find_row, model_headers, page_response
from cv.choices import AuditAction, Scope
from cv.engine.types import PREVIEW_OPTIONS, AnalysisOptions, AnalysisResult
from cv.files.pictures import chip_response, picture_response
from cv.models import Analysis, FaceChip, Video
from cv.selectors import analyses_of, readable_analyses
from cv.services import (
    AnalysisRequest,
    NoPictureKept,
    analysis_answer,
    analysis_create,
    analysis_delete,
    analysis_reanalyse,
    audit_note,
)
from cv.serving.engines import analyzed
from cv.trust.chips import unseal_chip


class MakesAnalysis(JsonView):
    """Runs the engine and answers with the analysis that was saved."""

    def answered(self, request: Request, status_code: int, make: Callable[..., Analysis]) -> Response:
        """``make`` is a service; the answer is remembered in the transaction that saves the analysis."""
        responses: list[Response] = []

        def answer(analysis: Analysis, result: AnalysisResult) -> None:
            self.analysis_id = analysis.pk
            # A result serializes exactly like its rows, so nothing that was just written is read again.
            body = {**represent(StoredSerializer, request, analysis), **represent(ResultSerializer, request, result)}
            response = Response(body, status=status_code, headers=model_headers(result))
            responses.append(self.remember(response))

        make(caller_of(request), check_of(request), answer)
        return responses[0]


class AnalysesView(MakesAnalysis):
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scopes = {"POST": Scope.ANALYSE, "GET": Scope.READ}

    @extend_schema(**schema.ANALYSIS_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        parts = split_request(request)
        options = AnalysisInput(data=parts.fields)
        options.is_valid(raise_exception=True)
        wanted = options.analysis_options(caller)
        received = read_image(parts, caller.account)
        asked = AnalysisRequest(received.data, received.source, wanted, options.store_options())
        if not options.keeps_result:
            self.forget()
            result = analysis_answer(asked, caller, check_of(request))
            return Response(ResultSerializer(result).data, headers=model_headers(result))
        return self.answered(request, status.HTTP_201_CREATED, partial(analysis_create, asked))

    @extend_schema(**schema.ANALYSIS_LIST)
    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        filters = ListInput(data=given_once(request.query_params))
        filters.is_valid(raise_exception=True)
        check_attributes(filters.attributes_filtered(), caller.attributes)
        pages = NewestFirst()
        rows = pages.paginate_queryset(analyses_of(caller, filters.wanted()), request, self) or []
        audit_note(caller, AuditAction.ANALYSIS_LIST, [row.pk for row in rows])
        context = {"attributes": caller.attributes}
        return page_response(pages, AnalysisSerializer(rows, many=True, context=context).data)


class AnalysisView(JsonView):
    scopes = {"GET": Scope.READ, "DELETE": Scope.ERASE}

    @extend_schema(**schema.ANALYSIS_READ)
    def get(self, request: Request, analysis_id: UUID) -> Response:
        analysis = readable_analysis(request, analysis_id)
        audit_note(caller_of(request), AuditAction.ANALYSIS_READ, [analysis.pk])
        return Response(represent(AnalysisSerializer, request, analysis), headers=model_headers(analysis, timed=False))

    @extend_schema(**schema.ANALYSIS_DELETE)
    def delete(self, request: Request, analysis_id: UUID) -> Response:
        analysis_delete(own_analysis(request, analysis_id), caller_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReanalyseView(MakesAnalysis):
    scopes = {"POST": Scope.ANALYSE}

    @extend_schema(**schema.REANALYSE)
    @idempotent
    def post(self, request: Request, analysis_id: UUID) -> Response:
        NothingInput(data=json_object(request)).is_valid(raise_exception=True)
        analysis = own_analysis(request, analysis_id)
        try:
            return self.answered(request, status.HTTP_200_OK, partial(analysis_reanalyse, analysis))
        except NoPictureKept:
            message = "this analysis has no kept picture to analyze again; `store.image` keeps it"
            if Video.objects.filter(analysis=analysis).exists():
                message = "a video cannot be analyzed again"
            raise ValidationError({"picture": [message]}) from None


class PictureView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.PICTURE_READ)
    def get(self, request: Request, analysis_id: UUID) -> HttpResponseBase:
        response = picture_response(readable_analysis(request, analysis_id))
        audit_note(caller_of(request), AuditAction.PICTURE_READ, [analysis_id])
        return response


class ChipView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.CHIP_READ)
    def get(self, request: Request, analysis_id: UUID, index: int) -> HttpResponse:
        analysis = readable_analysis(request, analysis_id)
        row = FaceChip.objects.filter(face__analysis=analysis, face__index=index).first()
        if row is None:
            raise NotFound("no picture of this face is kept")
        response = chip_response(unseal_chip(row.jpeg, row.pk))
        audit_note(caller_of(request), AuditAction.PICTURE_READ, [analysis_id])
        return response


class DetectionsView(JsonView):
    """Nothing is stored, not even the answer for an Idempotency-Key, and no attribute is computed."""

    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scopes = {"POST": Scope.ANALYSE}

    @extend_schema(**schema.DETECTION_CREATE)
    def post(self, request: Request) -> Response:
        parts = split_request(request)
        options = DetectionInput(data=parts.fields)
        options.is_valid(raise_exception=True)
        wanted = AnalysisOptions(attributes=frozenset(), **options.validated_data)
        caller = caller_of(request).account
        result = analyzed(read_image(parts, caller).data, wanted, caller, check_of(request))
        return Response(DetectionsSerializer(result).data, headers=model_headers(result))


class PreviewsView(JsonView):
    """Nothing is stored, and no face is looked for."""

    parser_classes = [JSONParser, MultiPartParser, FormParser]
    scopes = {"POST": Scope.ANALYSE}

    @extend_schema(**schema.PREVIEW_CREATE)
    def post(self, request: Request) -> HttpResponse:
        parts = split_request(request)
        NothingInput(data=parts.fields).is_valid(raise_exception=True)
        caller = caller_of(request).account
        result = analyzed(read_image(parts, caller).data, PREVIEW_OPTIONS, caller, check_of(request))
        if result.preview is None:
            raise RuntimeError("the engine gave no preview")
        return HttpResponse(result.preview.data, content_type="image/jpeg")


def own_analysis(request: Request, analysis_id: UUID) -> Analysis:
    """The caller's analysis. Raises NotFound if it does not exist or belongs to someone else."""
    return find_row(analyses_of(caller_of(request)), analysis_id)


def readable_analysis(request: Request, analysis_id: UUID) -> Analysis:
    """The caller's analysis, or one to which the caller has a link. Raises NotFound, ValidationError."""
    given = LinkInput(data=given_once(request.query_params))
    given.is_valid(raise_exception=True)
    return find_row(readable_analyses(caller_of(request), analysis_id, given.validated_data["link"]), analysis_id)


def represent(kind: type[Serializer[Any]], request: Request, instance: object) -> dict[str, Any]:
    """An analysis or a result as JSON, without attributes that the caller may no longer read."""
    answer: dict[str, Any] = _serializer(kind, caller_of(request).attributes).to_representation(instance)
    return answer


@cache
def _serializer(kind: type[Serializer[Any]], attributes: frozenset[str]) -> Serializer[Any]:
    """Cached: of a request's 20 ms, DRF takes 2 ms to copy the fields, but only 0.3 ms to serialize a face."""
    return kind(context={"attributes": attributes})
