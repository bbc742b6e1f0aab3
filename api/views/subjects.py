"""What is held about a person: handed out, and erased with a receipt."""

from django.db.models import QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.exports import export_archive, export_document
from api.idempotency import idempotent
from api.inputs import EraseInput, ExportInput, SubjectInput
from api.inputs.strict import given_once
from api.serializers import ReceiptKeySerializer
from api.sources import json_object
from api.views.base import JsonView
from cv.choices import AuditAction, Scope
from cv.models import Analysis, Job
from cv.selectors import subject_analyses, subject_jobs
from cv.services import audit_note, subject_erase
from cv.trust.receipts import key_id, public_key, public_pem


class SubjectExportView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.SUBJECT_EXPORT)
    def get(self, request: Request, subject: str) -> HttpResponseBase:
        options = ExportInput(data=given_once(request.query_params))
        options.is_valid(raise_exception=True)
        caller = caller_of(request)
        if caller.is_limited:
            raise PermissionDenied("an export contains every stored attribute, but this key is limited to some")
        analyses, jobs = held(request, subject, options.validated_data["everyone"])
        rows = list(analyses)
        audit_note(caller, AuditAction.SUBJECT_EXPORT, [row.pk for row in rows])
        if options.validated_data["format"] == "zip":
            export = FileResponse(export_archive(rows, jobs), as_attachment=True, filename="export.zip")
        else:
            export = FileResponse(export_document(rows, jobs), content_type="application/json")
        export["Cache-Control"] = "private, no-store"
        return export


class SubjectEraseView(JsonView):
    scopes = {"POST": Scope.ERASE}

    @extend_schema(**schema.SUBJECT_ERASE)
    @idempotent
    def post(self, request: Request, subject: str) -> Response:
        options = EraseInput(data=json_object(request))
        options.is_valid(raise_exception=True)
        analyses, jobs = held(request, subject, options.validated_data["everyone"])
        answers: list[Response] = []
        subject_erase(
            analyses, caller_of(request), jobs, lambda receipt: answers.append(self.remember(Response(receipt)))
        )
        return answers[0]


class ReceiptKeysView(JsonView):
    """For whoever holds a receipt, with or without a key to this API."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(**schema.RECEIPT_KEYS)
    def get(self, request: Request) -> Response:
        key = public_key()
        shown = {"key_id": key_id(key), "algorithm": "Ed25519", "pem": public_pem(key)}
        answer = {"results": [ReceiptKeySerializer(shown).data]}
        return Response(answer, headers={"Cache-Control": "public, max-age=3600"})


def clean(subject: str) -> str:
    """The subject as a request would have stored it. Raises ValidationError."""
    given = SubjectInput(data={"subject": subject})
    given.is_valid(raise_exception=True)
    return str(given.validated_data["subject"])


def held(request: Request, subject: str, everyone: bool) -> tuple[QuerySet[Analysis], QuerySet[Job]]:
    """The caller's analyses and jobs of the subject, or with the admin scope everyone's.

    Raises NotFound, PermissionDenied.
    """
    caller = caller_of(request)
    if everyone and Scope.ADMIN not in caller.scopes:
        raise PermissionDenied(f"`everyone` needs the scope `{Scope.ADMIN}`")
    named = clean(subject)
    analyses, jobs = subject_analyses(caller, named, everyone), subject_jobs(caller, named, everyone)
    if not analyses.exists() and not jobs.exists():
        raise NotFound("nothing is stored about this subject")
    return analyses, jobs
