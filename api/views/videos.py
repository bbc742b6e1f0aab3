"""Endpoints to have a video read in the background, and to get the people in it, their timelines and stills."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.idempotency import idempotent
from api.inputs import NothingInput, VideoInput, VideoResultInput, split_video
from api.inputs.strict import given_once
from api.multipart import MultiPartParser
from api.serializers import JobSerializer, VideoSerializer
from api.sources import body_of, refuse_huge_body
from api.views.base import JsonView
from cv.choices import AuditAction, JobSource, Scope
from cv.engine.errors import UnsupportedMediaType, VideoTooLarge
from cv.files.pictures import picture_part
from cv.jobs.progress import status_of
from cv.jobs.video_results import moment_columns, moment_rows, readable_stills, video_analysis, video_status
from cv.models import Analysis, Job
from cv.selectors import jobs_of
from cv.services import JobRequest, audit_note, job_create
from cv.tables import csv_lines


class VideosView(JsonView):
    parser_classes = [MultiPartParser]
    scopes = {"POST": Scope.ANALYSE}

    def check_body(self, request: Request) -> None:
        refuse_huge_body(request, settings.XCLOUD_ENGINE.video.max_bytes, VideoTooLarge)

    @extend_schema(**schema.VIDEO_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        video, fields = split_video(body_of(request))
        given = VideoInput(data=fields)
        given.is_valid(raise_exception=True)
        priority, wanted = given.priority_for(caller), given.analysis_options(caller)
        answers: list[Response] = []

        def answer(job: Job) -> None:
            self.job_id = job.pk
            audit_note(caller, AuditAction.JOB_CREATE, [job.pk], count=1)
            shown = JobSerializer(status_of(job)).data
            answers.append(self.remember(Response(shown, status=status.HTTP_202_ACCEPTED)))

        try:
            job_create(JobRequest(given.inputs(video), wanted, given.store_options(), priority), caller, answer)
        except UnsupportedMediaType as error:
            error.field = "video"  # type: ignore[attr-defined]
            raise
        return answers[0]


class VideoView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.VIDEO_READ)
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        options = VideoResultInput(data=given_once(request.query_params))
        options.is_valid(raise_exception=True)
        caller, job = caller_of(request), own_video(request, job_id)
        found = video_status(job)
        # The page asks every two seconds until there is something to read.
        if found.analysis is not None:
            audit_note(caller, AuditAction.JOB_READ, [job_id], count=1)
        if options.validated_data["format"] == "json":
            return Response(VideoSerializer(found, context={"attributes": caller.attributes}).data)
        if found.analysis is None:
            raise NotFound("this video has no result")
        rows = moment_rows(found.analysis, caller.attributes)
        response = StreamingHttpResponse(csv_lines(rows, moment_columns(caller.attributes)))
        response["Content-Type"] = "text/csv; charset=utf-8"
        response["Content-Disposition"] = f'attachment; filename="video-{job.pk}.csv"'
        response["Cache-Control"] = "private, no-store"
        return response


class FrameView(JsonView):
    scopes = {"GET": Scope.READ}
    # A page that plays a video asks for hundreds, and each costs a read of some kilobytes.
    throttle_classes = ()

    @extend_schema(**schema.FRAME_READ)
    def get(self, request: Request, job_id: UUID, index: int) -> HttpResponse:
        analysis = own_result(request, job_id)
        return still_answer(request, analysis, analysis.video.storyboard[index : index + 1])


class StillView(JsonView):
    scopes = {"GET": Scope.READ}

    @extend_schema(**schema.STILL_READ)
    def get(self, request: Request, job_id: UUID, index: int, kind: str) -> HttpResponse:
        analysis = own_result(request, job_id)
        face = next((face for face in analysis.faces.all() if face.index == index), None)
        stills = readable_stills(face.track, caller_of(request).attributes) if face else []
        return still_answer(request, analysis, [still for still in stills if still["kind"] == kind])


def own_video(request: Request, job_id: UUID) -> Job:
    """The caller's job of a video. Raises NotFound if it does not exist or belongs to someone else."""
    try:
        return jobs_of(caller_of(request)).get(pk=job_id, source=JobSource.VIDEO)
    except Job.DoesNotExist:
        raise NotFound("no video has this id") from None


def own_result(request: Request, job_id: UUID) -> Analysis:
    """Raises NotFound, also for a video without a result."""
    NothingInput(data=given_once(request.query_params)).is_valid(raise_exception=True)
    analysis = video_analysis(own_video(request, job_id))
    if analysis is None:
        raise NotFound("this video has no result")
    return analysis


def still_answer(request: Request, analysis: Analysis, stills: list[dict[str, Any]]) -> HttpResponse:
    """The JPEG of the only one of ``stills``. Raises NotFound."""
    if not stills or not analysis.picture:
        raise NotFound("this still is not kept")
    try:
        data = picture_part(analysis, stills[0]["start"], stills[0]["length"])
    except Http404 as error:
        raise NotFound(str(error)) from None
    audit_note(caller_of(request), AuditAction.PICTURE_READ, [analysis.pk])
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return HttpResponse(data, content_type="image/jpeg", headers=headers)
