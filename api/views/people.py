"""Endpoints that enrol faces in a collection, search it, and compare a face with one person of it."""

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.disconnect import check_of
from api.idempotency import idempotent
from api.inputs.collections import (
    EnrolInput,
    FaceListInput,
    SearchInput,
    VectorsInput,
    VerifyInput,
)
from api.inputs.strict import given_once
from api.multipart import MultiPartParser
from api.pagination import NewestFirst
from api.serializers.collections import (
    EnrolledFaceSerializer,
    EnrolledSerializer,
    SearchSerializer,
    VerificationSerializer,
)
from api.sources import json_object, read_image, split_request
from api.views.base import model_headers, page_response
from api.views.collections import IdentifyView, check_count, check_model, own_collection
from cv.choices import AuditAction
from cv.engine.labels import Attribute
from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisOptions
from cv.identity.faces import find_doubts
from cv.identity.odds import served_odds
from cv.models import Collection, EnrolledFace
from cv.search.photos import nearest_of, read_faces, search_photo
from cv.selectors import enrolled_faces
from cv.services import NewFace, RefusalReason, audit_note, faces_enrol, search_note
from cv.services.enrolment_errors import EmptyCollection
from cv.services.photo_enrolment import check_quality, chosen_face

NO_SUCH_SUBJECT: Final = "no face of this subject is enrolled here"


class EnrolsFaces(IdentifyView):
    """Enrols, and remembers the answer in the same transaction."""

    def enrolled(
        self, request: Request, collection: Collection, new: list[NewFace], accepted: frozenset[RefusalReason]
    ) -> Response:
        self.collection_id = collection.pk
        answers: list[Response] = []

        def answer(rows: list[EnrolledFace]) -> None:
            body = EnrolledSerializer({"faces": rows}).data
            answers.append(self.remember(Response(body, status=status.HTTP_201_CREATED)))

        faces_enrol(collection, new, caller_of(request), accepted, answer)
        return answers[0]


class EnrolledFacesView(EnrolsFaces):
    parser_classes = [JSONParser, MultiPartParser, FormParser]

    @extend_schema(**schema.FACE_ENROL)
    @idempotent
    def post(self, request: Request, collection_id: UUID) -> Response:
        collection, caller, parts = own_collection(request, collection_id), caller_of(request), split_request(request)
        given = EnrolInput(data=parts.fields)
        given.is_valid(raise_exception=True)
        accepted = given.validated_data["accept"]
        received = read_image(parts, caller.account)
        result, vectors = read_faces(
            received.data, collection, embedding_options(given.validated_data), caller.account, check_of(request)
        )
        face = chosen_face(result, given.validated_data.get("face"))
        check_quality(face, accepted)
        new = NewFace(
            vector=vectors[face.index],
            quality_score=face.quality.score,
            image_sha256=result.image.sha256,
            **given.said(),
        )
        return self.enrolled(request, collection, [new], accepted)

    @extend_schema(**schema.FACE_LIST)
    def get(self, request: Request, collection_id: UUID) -> Response:
        given = FaceListInput(data=given_once(request.query_params))
        given.is_valid(raise_exception=True)
        collection, pages = own_collection(request, collection_id), NewestFirst()
        wanted = {name: given.validated_data[name] for name in ("subject",) if name in given.validated_data}
        rows = pages.paginate_queryset(enrolled_faces(collection).filter(**wanted), request, self)
        audit_note(caller_of(request), AuditAction.COLLECTION_READ, [collection.pk])
        return page_response(pages, EnrolledFaceSerializer(rows, many=True).data)


class VectorsView(EnrolsFaces):
    """Vectors from elsewhere, such as `POST /embeddings` of another installation."""

    @extend_schema(**schema.VECTOR_ENROL)
    @idempotent
    def post(self, request: Request, collection_id: UUID) -> Response:
        collection, body = own_collection(request, collection_id), json_object(request)
        check_count(body.get("faces"))
        given = VectorsInput(data=body)
        given.is_valid(raise_exception=True)
        check_model(collection, given.validated_data["model"])
        return self.enrolled(request, collection, given.new_faces(), given.validated_data["accept"])


class SearchView(IdentifyView):
    """Nothing is stored, not even the answer for an Idempotency-Key."""

    parser_classes = [JSONParser, MultiPartParser, FormParser]

    @extend_schema(**schema.COLLECTION_SEARCH)
    def post(self, request: Request, collection_id: UUID) -> Response:
        collection, caller, parts = own_collection(request, collection_id), caller_of(request), split_request(request)
        given = SearchInput(data=parts.fields)
        given.is_valid(raise_exception=True)
        enrolled = check_filled(collection)
        options = embedding_options(given.validated_data)
        received = read_image(parts, caller.account)
        result, vectors = read_faces(received.data, collection, options, caller.account, check_of(request))
        fmr, most = given.validated_data["fmr"], given.validated_data["candidates"]
        found = search_photo(collection, enrolled, result.faces, vectors, fmr, most)
        search_note(caller, found)
        answer = {
            "collection": collection.pk,
            "image": result.image,
            "fmr": fmr,
            "enrolled": enrolled,
            "threshold": found.threshold,
            "faces": found.faces,
        }
        context = {"probability": found.probability}
        return Response(SearchSerializer(answer, context=context).data, headers=model_headers(result))


class VerifyView(IdentifyView):
    """Nothing is stored, not even the answer for an Idempotency-Key."""

    parser_classes = [JSONParser, MultiPartParser, FormParser]

    @extend_schema(**schema.COLLECTION_VERIFY)
    def post(self, request: Request, collection_id: UUID) -> Response:
        collection, caller, parts = own_collection(request, collection_id), caller_of(request), split_request(request)
        given = VerifyInput(data=parts.fields)
        given.is_valid(raise_exception=True)
        subject = given.validated_data["subject"]
        if not enrolled_faces(collection).filter(subject=subject).exists():
            raise NotFound(NO_SUCH_SUBJECT)
        received = read_image(parts, caller.account)
        options = embedding_options(given.validated_data)
        result, vectors = read_faces(received.data, collection, options, caller.account, check_of(request))
        face = chosen_face(result, given.validated_data.get("face"))
        nearest = nearest_of(collection, subject, vectors[face.index])
        if nearest is None:
            raise NotFound(NO_SUCH_SUBJECT)
        audit_note(caller, AuditAction.COLLECTION_VERIFY, [collection.pk])
        fmr = given.validated_data["fmr"]
        odds = served_odds()
        threshold, doubts = odds.threshold(fmr), find_doubts(face)
        answer = {
            "collection": collection.pk,
            "subject": subject,
            "face": face,
            "enrolled_face": nearest.face,
            "similarity": nearest.similarity,
            "probability": odds.probability(nearest.similarity),
            "doubts": doubts,
            "same": None if doubts else nearest.similarity >= threshold,
            "fmr": fmr,
            "threshold": threshold,
        }
        return Response(VerificationSerializer(answer).data, headers=model_headers(result))


def embedding_options(given: dict[str, Any]) -> AnalysisOptions:
    sizes = {name: given[name] for name in ("max_faces", "min_face_px") if name in given}
    # The age is only asked for the doubt about children.
    return AnalysisOptions(attributes=frozenset({EMBEDDING.name, Attribute.AGE.value}), **sizes)


def check_filled(collection: Collection) -> int:
    """How many faces are enrolled. Raises EmptyCollection."""
    enrolled = enrolled_faces(collection).count()
    if not enrolled:
        raise EmptyCollection("the collection is empty; enrol faces first", "collection")
    return enrolled
