"""Endpoints of collections: create, list, read, change and delete them; list and remove their people and faces."""

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
from api.inputs.collections import CollectionInput, CollectionUpdateInput
from api.inputs.strict import given_once
from api.pagination import BySubject, NewestFirst
from api.serializers.collections import CollectionSerializer, SubjectSerializer
from api.sources import json_object
from api.views.base import find_row, page_response
from api.views.identity import IdentityView
from api.views.subjects import clean
from cv.choices import AuditAction, Scope
from cv.engine.outputs import EMBEDDING
from cv.engine.types import ModelInfo
from cv.identity.errors import OtherModel
from cv.identity.odds import identity_model
from cv.models import Collection
from cv.selectors import collections_of, enrolled_subjects
from cv.services import (
    audit_note,
    collection_create,
    collection_delete,
    collection_update,
    face_remove,
    subject_remove,
)
from cv.services.enrolment import MAX_FACES
from cv.services.enrolment_errors import EnrolmentTooLarge


class IdentifyView(IdentityView):
    """All methods need the scope `identify`."""

    scopes = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.IDENTIFY)


class CollectionsView(IdentifyView):
    @extend_schema(**schema.COLLECTION_LIST)
    def get(self, request: Request) -> Response:
        PageInput(data=given_once(request.query_params)).is_valid(raise_exception=True)
        pages = NewestFirst()
        rows = pages.paginate_queryset(collections_of(caller_of(request)), request, self)
        return page_response(pages, CollectionSerializer(rows, many=True).data)

    @extend_schema(**schema.COLLECTION_CREATE)
    @idempotent
    def post(self, request: Request) -> Response:
        given = CollectionInput(data=json_object(request))
        given.is_valid(raise_exception=True)
        caller = caller_of(request)
        served = identity_model()
        model = ModelInfo(served.card.name, served.card.version, served.card.sha256)
        dimensions = served.heads[EMBEDDING.name]
        answers: list[Response] = []

        def answer(row: Collection) -> None:
            self.collection_id = row.pk
            answers.append(self.remember(Response(shown(request, row.pk), status=status.HTTP_201_CREATED)))

        collection_create(**given.validated_data, model=model, dimensions=dimensions, caller=caller, saved=answer)
        return answers[0]


class CollectionView(IdentifyView):
    @extend_schema(**schema.COLLECTION_READ)
    def get(self, request: Request, collection_id: UUID) -> Response:
        return Response(shown(request, collection_id))

    @extend_schema(**schema.COLLECTION_UPDATE)
    def patch(self, request: Request, collection_id: UUID) -> Response:
        given = CollectionUpdateInput(data=json_object(request), partial=True)
        given.is_valid(raise_exception=True)
        collection_update(own_collection(request, collection_id), caller_of(request), **given.validated_data)
        return Response(shown(request, collection_id))

    @extend_schema(**schema.COLLECTION_DELETE)
    def delete(self, request: Request, collection_id: UUID) -> Response:
        collection_delete(own_collection(request, collection_id), caller_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SubjectsView(IdentifyView):
    @extend_schema(**schema.COLLECTION_SUBJECTS)
    def get(self, request: Request, collection_id: UUID) -> Response:
        PageInput(data=given_once(request.query_params)).is_valid(raise_exception=True)
        collection, pages = own_collection(request, collection_id), BySubject()
        rows = pages.paginate_queryset(enrolled_subjects(collection), request, self)
        audit_note(caller_of(request), AuditAction.COLLECTION_READ, [collection.pk])
        return page_response(pages, SubjectSerializer(rows, many=True).data)


class SubjectView(IdentifyView):
    @extend_schema(**schema.COLLECTION_SUBJECT_DELETE)
    def delete(self, request: Request, collection_id: UUID, subject: str) -> Response:
        if not subject_remove(own_collection(request, collection_id), clean(subject), caller_of(request)):
            raise NotFound("no face of this subject is enrolled here")
        return Response(status=status.HTTP_204_NO_CONTENT)


class EnrolledFaceView(IdentifyView):
    @extend_schema(**schema.FACE_DELETE)
    def delete(self, request: Request, collection_id: UUID, face_id: UUID) -> Response:
        row = own_collection(request, collection_id).faces.filter(uuid=face_id).first()
        if row is None:
            raise NotFound("no face of this collection has this id")
        face_remove(row, caller_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def own_collection(request: Request, collection_id: UUID) -> Collection:
    """The caller's collection. Raises NotFound if it does not exist or belongs to someone else."""
    return find_row(collections_of(caller_of(request)), collection_id)


def check_model(collection: Collection, sha256: str, dimensions: int | None = None) -> None:
    """Raises OtherModel if vectors of this model, or of this length, cannot be compared with the collection's."""
    if sha256 != collection.model_sha256 or dimensions not in (None, collection.dimensions):
        raise OtherModel(
            f"these vectors are of another model than the collection's, {collection.model_name} "
            f"{collection.model_version}, whose vectors have {collection.dimensions} numbers",
            "model",
        )


def check_count(faces: Any) -> None:
    """Raises EnrolmentTooLarge before 10,001 faces are read one by one."""
    if isinstance(faces, list) and len(faces) > MAX_FACES:
        raise EnrolmentTooLarge(f"one request has at most {MAX_FACES:,} faces, not {len(faces):,}", "faces")


def shown(request: Request, collection_id: UUID) -> object:
    return CollectionSerializer(own_collection(request, collection_id)).data
