"""Endpoints to export everything stored about a person, and to erase it with a receipt."""

from typing import Final

from django.db.models import QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.exports import Stored, export_archive, export_document
from api.idempotency import idempotent
from api.inputs import EraseInput, ExportInput, NamedEraseInput, NamedExportInput, SubjectInput
from api.inputs.strict import given_once
from api.serializers import ReceiptKeySerializer
from api.sources import json_object
from api.views.base import JsonView
from cv.choices import AuditAction, Scope
from cv.models import Analysis, EnrolledFace, Job
from cv.selectors import subject_analyses, subject_faces, subject_jobs, subject_negatives
from cv.services import audit_note, subject_erase
from cv.trust.receipts import key_id, public_key, public_pem

NOTHING_STORED: Final = "nothing is stored about this subject"


class SubjectExportView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.SUBJECT_EXPORT)
    def get(self, request: Request, subject: str) -> HttpResponseBase:
        options = ExportInput(data=given_once(request.query_params))
        options.is_valid(raise_exception=True)
        return exported(request, clean(subject), **options.validated_data)


class NamedSubjectExportView(JsonView):
    """The subject in the body: for names that no address can hold."""

    scopes = {"POST": Scope.READ}

    @extend_schema(**schema.NAMED_SUBJECT_EXPORT)
    def post(self, request: Request) -> HttpResponseBase:
        options = NamedExportInput(data=json_object(request))
        options.is_valid(raise_exception=True)
        return exported(request, **options.validated_data)


class ErasesSubject(JsonView):
    scopes = {"POST": Scope.ERASE}

    def erased(self, request: Request, subject: str, everyone: bool) -> Response:
        """Erases, and answers with the receipt. Raises NotFound, PermissionDenied."""
        check_everyone(request, everyone)
        answers: list[Response] = []
        try:
            subject_erase(
                subject, caller_of(request), everyone, lambda receipt: answers.append(self.remember(Response(receipt)))
            )
        except Analysis.DoesNotExist:
            raise NotFound(NOTHING_STORED) from None
        return answers[0]


class SubjectEraseView(ErasesSubject):
    @extend_schema(**schema.SUBJECT_ERASE)
    @idempotent
    def post(self, request: Request, subject: str) -> Response:
        options = EraseInput(data=json_object(request))
        options.is_valid(raise_exception=True)
        return self.erased(request, clean(subject), **options.validated_data)


class NamedSubjectEraseView(ErasesSubject):
    """The subject in the body: for names that no address can hold."""

    @extend_schema(**schema.NAMED_SUBJECT_ERASE)
    @idempotent
    def post(self, request: Request) -> Response:
        options = NamedEraseInput(data=json_object(request))
        options.is_valid(raise_exception=True)
        return self.erased(request, **options.validated_data)


class ReceiptKeysView(JsonView):
    """Public, so that receipts can be verified without a key to this API."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(**schema.RECEIPT_KEYS)
    def get(self, request: Request) -> Response:
        key = public_key()
        shown = {"key_id": key_id(key), "algorithm": "Ed25519", "pem": public_pem(key)}
        answer = {"results": [ReceiptKeySerializer(shown).data]}
        return Response(answer, headers={"Cache-Control": "public, max-age=3600"})


def clean(subject: str) -> str:
    """The subject of an address, normalized as when it is stored. Raises ValidationError."""
    given = SubjectInput(data={"subject": subject})
    given.is_valid(raise_exception=True)
    return str(given.validated_data["subject"])


def exported(request: Request, subject: str, format: str, everyone: bool) -> FileResponse:
    """Everything stored about the subject, as ``json`` or ``zip``. Raises Http404, PermissionDenied."""
    caller = caller_of(request)
    if caller.is_limited:
        raise PermissionDenied("an export contains every stored attribute, but this key is limited to some")
    analyses, jobs, enrolled = held(request, subject, everyone)
    rows = list(analyses)
    negatives = subject_negatives(caller, subject, everyone).select_related("vector__face").order_by("pk")
    stored = Stored(rows, jobs, enrolled.prefetch_related("sightings__search__face"), negatives)
    audit_note(caller, AuditAction.SUBJECT_EXPORT, [row.pk for row in rows])
    if format == "zip":
        export = FileResponse(export_archive(stored), as_attachment=True, filename="export.zip")
    else:
        export = FileResponse(export_document(stored), content_type="application/json")
    export["Cache-Control"] = "private, no-store"
    return export


def held(
    request: Request, subject: str, everyone: bool
) -> tuple[QuerySet[Analysis], QuerySet[Job], QuerySet[EnrolledFace]]:
    """The caller's analyses, jobs and enrolled faces of the subject or, if ``everyone``, those of all owners.

    Raises NotFound, PermissionDenied.
    """
    check_everyone(request, everyone)
    caller = caller_of(request)
    analyses, jobs = subject_analyses(caller, subject, everyone), subject_jobs(caller, subject, everyone)
    enrolled, negatives = subject_faces(caller, subject, everyone), subject_negatives(caller, subject, everyone)
    if not any(rows.exists() for rows in (analyses, jobs, enrolled, negatives)):
        raise NotFound(NOTHING_STORED)
    return analyses, jobs, enrolled


def check_everyone(request: Request, everyone: bool) -> None:
    """Raises PermissionDenied if data of all owners are requested without the right to them."""
    if everyone and Scope.ADMIN not in caller_of(request).scopes:
        raise PermissionDenied(f"`everyone` needs the scope `{Scope.ADMIN}`")
