"""Endpoints to create jobs, follow their progress, change their states and fetch their results."""

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.idempotency import idempotent
from api.inputs import ItemListInput, JobDeleteInput, JobInput, JobListInput, NothingInput, ResultsInput, split_job
from api.inputs.strict import given_once
from api.job_results import results_response
from api.multipart import MultiPartParser
from api.pagination import InOrder, NewestFirst
from api.serializers import JobItemSerializer, JobSerializer
from api.sources import body_of, json_object, refuse_huge_body
from api.views.base import JsonView, find_row, page_response
from api.views.collections import check_model, own_collection
from api.views.people import check_filled
from cv.choices import AuditAction, Scope
from cv.engine.outputs import EMBEDDING
from cv.identity.odds import identity_model
from cv.jobs.errors import ArchiveTooLarge
from cv.jobs.progress import status_of, statuses_of
from cv.models import Collection, Job
from cv.selectors import jobs_of
from cv.services import (
    JobRequest,
    audit_note,
    job_cancel,
    job_create,
    job_delete,
    job_pause,
    job_resume,
    job_retry,
)


class JobsView(JsonView):
    parser_classes = [JSONParser, MultiPartParser]
    scopes = {"POST": Scope.ANALYSE, "GET": Scope.READ}

    def check_body(self, request: Request) -> None:
        if str(request.content_type).startswith("multipart/"):
            refuse_huge_body(request, settings.XCLOUD_JOB_MAX_BYTES, ArchiveTooLarge)
        else:
            super().check_body(request)

    @extend_schema(**schema.JOB_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        archive, fields = split_job(body_of(request))
        given = JobInput(data=fields)
        given.is_valid(raise_exception=True)
        priority, wanted = given.priority_for(caller), given.analysis_options(caller)
        answers: list[Response] = []

        def answer(job: Job) -> None:
            self.job_id = job.pk
            audit_note(caller, AuditAction.JOB_CREATE, [job.pk], count=job.item_count)
            shown = JobSerializer(status_of(job)).data
            answers.append(self.remember(Response(shown, status=status.HTTP_202_ACCEPTED)))

        search = searched_collection(request, given.validated_data.get("search"))
        job_create(JobRequest(given.inputs(archive), wanted, given.store_options(), priority, search), caller, answer)
        return answers[0]

    @extend_schema(**schema.JOB_LIST)
    def get(self, request: Request) -> Response:
        filters = JobListInput(data=given_once(request.query_params))
        filters.is_valid(raise_exception=True)
        rows = jobs_of(caller_of(request))
        if state := filters.validated_data.get("state"):
            rows = rows.filter(state=state)
        pages = NewestFirst()
        found = pages.paginate_queryset(rows, request, self) or []
        return page_response(pages, JobSerializer(statuses_of(found), many=True).data)


class JobView(JsonView):
    scopes = {"GET": Scope.READ, "DELETE": Scope.ERASE}

    @extend_schema(**schema.JOB_READ)
    def get(self, request: Request, job_id: UUID) -> Response:
        return Response(JobSerializer(status_of(own_job(request, job_id))).data)

    @extend_schema(**schema.JOB_DELETE)
    def delete(self, request: Request, job_id: UUID) -> Response:
        options = JobDeleteInput(data=given_once(request.query_params))
        options.is_valid(raise_exception=True)
        if job_delete(own_job(request, job_id), caller_of(request), options.validated_data["analyses"]):
            return Response(status=status.HTTP_204_NO_CONTENT)
        shown = JobSerializer(status_of(own_job(request, job_id))).data
        return Response(shown, status=status.HTTP_202_ACCEPTED)


class JobItemsView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.JOB_ITEMS)
    def get(self, request: Request, job_id: UUID) -> Response:
        filters = ItemListInput(data=given_once(request.query_params))
        filters.is_valid(raise_exception=True)
        job = own_job(request, job_id)
        rows = job.items.select_related("analysis")
        if state := filters.validated_data.get("state"):
            rows = rows.filter(state=state)
        pages = InOrder()
        found = pages.paginate_queryset(rows, request, self) or []
        audit_note(caller_of(request), AuditAction.JOB_READ, [job_id], count=len(found))
        return page_response(pages, JobItemSerializer(found, many=True).data)


class JobResultsView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.JOB_RESULTS)
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        options = ResultsInput(data=given_once(request.query_params))
        options.is_valid(raise_exception=True)
        caller, job = caller_of(request), own_job(request, job_id)
        audit_note(caller, AuditAction.JOB_READ, [job_id], count=job.item_count)
        return results_response(job, options.validated_data["format"], caller)


class JobChangeView(JsonView):
    """Changes a job's state; each route has its own ``change``."""

    scopes = {"POST": Scope.ANALYSE}

    def changed(self, request: Request, job_id: UUID, change: Callable[[Job], Job]) -> Response:
        NothingInput(data=json_object(request)).is_valid(raise_exception=True)
        with transaction.atomic():
            job = change(own_job(request, job_id))
            audit_note(caller_of(request), AuditAction.JOB_CHANGE, [job_id])
        self.job_id = job.pk
        return Response(JobSerializer(status_of(job)).data)


class JobCancelView(JobChangeView):
    @extend_schema(**schema.JOB_CANCEL)
    @idempotent
    def post(self, request: Request, job_id: UUID) -> Response:
        return self.changed(request, job_id, job_cancel)


class JobPauseView(JobChangeView):
    @extend_schema(**schema.JOB_PAUSE)
    @idempotent
    def post(self, request: Request, job_id: UUID) -> Response:
        return self.changed(request, job_id, job_pause)


class JobResumeView(JobChangeView):
    @extend_schema(**schema.JOB_RESUME)
    @idempotent
    def post(self, request: Request, job_id: UUID) -> Response:
        return self.changed(request, job_id, job_resume)


class JobRetryView(JobChangeView):
    @extend_schema(**schema.JOB_RETRY)
    @idempotent
    def post(self, request: Request, job_id: UUID) -> Response:
        return self.changed(request, job_id, job_retry)


def searched_collection(request: Request, collection_id: UUID | None) -> Collection | None:
    """The caller's collection that a job is to search; None if none is named.

    Raises PermissionDenied, NotFound, OtherModel, EmptyCollection.
    """
    if collection_id is None:
        return None
    if not caller_of(request).may_compute({EMBEDDING.name}):
        raise PermissionDenied("search: needs the scope `identify`, and a server where identity is on")
    collection = own_collection(request, collection_id)
    check_model(collection, identity_model().card.sha256)
    check_filled(collection)
    return collection


def own_job(request: Request, job_id: UUID) -> Job:
    """The caller's job. Raises NotFound if it does not exist or belongs to someone else."""
    return find_row(jobs_of(caller_of(request)), job_id)
