"""Endpoints of people whom a collection does not know yet: faces of analyses in groups, named and changed by people."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.idempotency import idempotent
from api.inputs import PageInput
from api.inputs.groups import GroupingInput, GroupMergeInput, GroupNameInput, GroupRejectInput, GroupSplitInput
from api.inputs.strict import StrictSerializer, given_once
from api.pagination import LargestFirst
from api.serializers.collections import EnrolledSerializer
from api.serializers.groups import GroupingSerializer, SplitSerializer, StoredGroupSerializer
from api.sources import json_object
from api.views.base import find_row, page_response
from api.views.collections import IdentifyView, own_collection
from cv.choices import AuditAction
from cv.models import EnrolledFace, FaceGroup, FaceVector
from cv.selectors import face_groups, face_vectors, jobs_of
from cv.services import audit_note
from cv.services.groups import NotInGroup, face_reject, faces_group, group_name, group_split, groups_merge

NO_SUCH_GROUP = "no group of this collection has this id"


class UnknownView(IdentifyView):
    @extend_schema(**schema.UNKNOWN_LIST)
    def get(self, request: Request, collection_id: UUID) -> Response:
        PageInput(data=given_once(request.query_params)).is_valid(raise_exception=True)
        collection, pages = own_collection(request, collection_id), LargestFirst()
        rows = pages.paginate_queryset(face_groups(collection), request, self)
        audit_note(caller_of(request), AuditAction.COLLECTION_READ, [collection.pk])
        return page_response(pages, StoredGroupSerializer(rows, many=True).data)

    @extend_schema(**schema.UNKNOWN_GROUP)
    def post(self, request: Request, collection_id: UUID) -> Response:
        collection, caller = own_collection(request, collection_id), caller_of(request)
        given = read(GroupingInput, request)
        job = find_row(jobs_of(caller), given["job"]) if "job" in given else None
        return Response(GroupingSerializer(faces_group(collection, face_vectors(caller, collection, job), caller)).data)


class NameView(IdentifyView):
    @extend_schema(**schema.UNKNOWN_NAME)
    @idempotent
    def post(self, request: Request, collection_id: UUID, group_id: UUID) -> Response:
        group = own_group(request, collection_id, group_id)
        given = GroupNameInput(data=json_object(request))
        given.is_valid(raise_exception=True)
        self.collection_id = collection_id
        answers: list[Response] = []

        def answer(rows: list[EnrolledFace]) -> None:
            body = EnrolledSerializer({"faces": rows}).data
            answers.append(self.remember(Response(body, status=status.HTTP_201_CREATED)))

        group_name(group, caller_of(request), **given.said(), accepted=given.validated_data["accept"], saved=answer)
        return answers[0]


class MergeView(IdentifyView):
    @extend_schema(**schema.UNKNOWN_MERGE)
    def post(self, request: Request, collection_id: UUID, group_id: UUID) -> Response:
        group = own_group(request, collection_id, group_id)
        other = own_group(request, collection_id, read(GroupMergeInput, request)["group"])
        if other.pk == group.pk:
            raise NotInGroup("a group cannot be merged with itself", "group")
        groups_merge(group, other, caller_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SplitView(IdentifyView):
    @extend_schema(**schema.UNKNOWN_SPLIT)
    def post(self, request: Request, collection_id: UUID, group_id: UUID) -> Response:
        group = own_group(request, collection_id, group_id)
        faces = members_of(group, read(GroupSplitInput, request)["faces"])
        made = group_split(group, faces, caller_of(request))
        return Response(SplitSerializer({"group": made.pk}).data, status=status.HTTP_201_CREATED)


class RejectView(IdentifyView):
    @extend_schema(**schema.UNKNOWN_REJECT)
    def post(self, request: Request, collection_id: UUID, group_id: UUID) -> Response:
        group = own_group(request, collection_id, group_id)
        (face,) = members_of(group, [read(GroupRejectInput, request)["face"]])
        face_reject(group, face, caller_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def read(given: type[StrictSerializer], request: Request) -> Any:
    fields = given(data=json_object(request))
    fields.is_valid(raise_exception=True)
    return fields.validated_data


def own_group(request: Request, collection_id: UUID, group_id: UUID) -> FaceGroup:
    """A group of the caller's collection. Raises NotFound."""
    group = own_collection(request, collection_id).groups.select_related("collection").filter(pk=group_id).first()
    if group is None:
        raise NotFound(NO_SUCH_GROUP)
    return group


def members_of(group: FaceGroup, named: list[dict[str, Any]]) -> list[FaceVector]:
    """The named faces of the group. Raises NotInGroup if it does not have one of them."""
    wanted = {(face["analysis"], face["index"]) for face in named}
    rows = FaceVector.objects.filter(grouped__group=group, face__analysis__in={analysis for analysis, _ in wanted})
    found = [row for row in rows.select_related("face") if (row.face.analysis_id, row.face.index) in wanted]
    if len(found) < len(wanted):
        raise NotInGroup("the group does not have these faces", "faces")
    return found
