"""Labels: people say what is right about a face, and see how right the service is on their own faces."""

import tempfile
from typing import IO
from uuid import UUID

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.exports import IN_MEMORY
from api.inputs import NothingInput, check_attributes
from api.inputs.labels import LabelsInput, LabelTableInput
from api.inputs.strict import given_once
from api.job_results import MEDIA_TYPES
from api.serializers.labels import LabelReportSerializer
from api.sources import json_object
from api.views.analyses import own_analysis
from api.views.base import JsonView
from cv.choices import AuditAction, Scope
from cv.labelling.report import report_of
from cv.labelling.tables import label_columns, label_rows, write_label_table
from cv.models import Face
from cv.selectors import labelled_faces
from cv.services import audit_note, labels_set
from cv.tables import csv_lines


class AnalysisLabelsView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.LABEL_LIST)
    def get(self, request: Request, analysis_id: UUID) -> Response:
        analysis, caller = own_analysis(request, analysis_id), caller_of(request)
        audit_note(caller, AuditAction.LABEL_EXPORT, [analysis.pk])
        results = []
        for face in labelled_faces(caller).filter(analysis=analysis):
            labels = {label.output: label.value for label in face.labels.all() if label.output in caller.attributes}
            if labels:
                results.append({"face": face.index, "labels": labels})
        return Response({"results": results})


class FaceLabelsView(JsonView):
    scopes = {"PUT": Scope.ANALYSE}

    @extend_schema(**schema.LABEL_SET)
    def put(self, request: Request, analysis_id: UUID, index: int) -> Response:
        given = LabelsInput(data=json_object(request))
        given.is_valid(raise_exception=True)
        caller = caller_of(request)
        check_attributes(given.validated_data, caller.attributes)
        try:
            labels = labels_set(own_analysis(request, analysis_id), index, given.validated_data, caller)
        except Face.DoesNotExist:
            raise NotFound("this analysis has no face with this index") from None
        return Response({"face": index, "labels": labels})


class LabelReportView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.LABEL_REPORT)
    def get(self, request: Request) -> Response:
        NothingInput(data=given_once(request.query_params)).is_valid(raise_exception=True)
        caller = caller_of(request)
        faces = list(labelled_faces(caller))
        audit_note(caller, AuditAction.LABEL_EXPORT, count=len(faces))
        return Response(LabelReportSerializer(report_of(faces, caller.attributes)).data)


class LabelTableView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.LABEL_TABLE)
    def get(self, request: Request) -> HttpResponseBase:
        options = LabelTableInput(data=given_once(request.query_params))
        options.is_valid(raise_exception=True)
        caller, form = caller_of(request), options.validated_data["format"]
        faces = list(labelled_faces(caller))
        audit_note(caller, AuditAction.LABEL_EXPORT, count=len(faces))
        response: StreamingHttpResponse
        if form == "parquet":
            response = FileResponse(_spooled_table(faces, caller.attributes))
        else:
            columns = label_columns(caller.attributes)
            response = StreamingHttpResponse(csv_lines(label_rows(faces, caller.attributes), columns))
        response["Content-Type"] = MEDIA_TYPES[form]
        response["Content-Disposition"] = f'attachment; filename="labels.{form}"'
        response["Cache-Control"] = "private, no-store"
        return response


def _spooled_table(faces: list[Face], allowed: frozenset[str]) -> IO[bytes]:
    """Complete before it is sent, because Parquet's index is at the end of the file. Raises StorageUnavailable."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 -- the response closes it
    try:
        write_label_table(faces, allowed, file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
