"""The schema of collections, their people, and searches."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from api.inputs import PageInput
from api.inputs.collections import (
    CollectionInput,
    CollectionUpdateInput,
    EnrolInput,
    FaceListInput,
    SearchInput,
    VectorsInput,
    VerifyInput,
)
from api.inputs.groups import GroupsInput
from api.schema import examples
from api.schema.analyses import TEXT_HELP, URL_HELP
from api.schema.parts import BODY, IDEMPOTENCY_KEY, IMAGE, REMEMBERED, REQUEST_ID, answer, errors, page_of, sent
from api.serializers.collections import (
    CollectionSerializer,
    EnrolledFaceSerializer,
    EnrolledSerializer,
    SearchSerializer,
    SubjectSerializer,
    VerificationSerializer,
)
from api.serializers.groups import GroupsSerializer

SCOPE: Final = "Scope `identify`."
# The errors of everything that searches.
SEARCHED: Final = (
    "identity_off",
    "not_found",
    "other_model",
    "index_behind",
    "search_unavailable",
    "collection_too_large",
    "vectors_unreadable",
)
SUBJECT_PART: Final = OpenApiParameter(
    "subject",
    {"type": "string", "minLength": 1, "maxLength": 200},
    OpenApiParameter.PATH,
    description="The person's name, percent-encoded.",
)


def with_image(given: type[serializers.Serializer[Any]]) -> dict[str, type[serializers.Serializer[Any]]]:
    """The bodies of an endpoint that takes an image and these fields."""
    doc = "Exactly one of ``image`` and ``url``."
    url = serializers.URLField(required=False, help_text=URL_HELP)
    text = serializers.CharField(required=False, help_text=TEXT_HELP)
    file = serializers.FileField(required=False, help_text="The image file, or base64 text.")
    # The form first: generated clients that take one kind of body take the first, and files are easiest to send.
    return {
        "multipart/form-data": type(f"Form{given.__name__}", (given,), {"__doc__": doc, "image": file, "url": url}),
        "application/json": type(f"Json{given.__name__}", (given,), {"__doc__": doc, "image": text, "url": url}),
    }


COLLECTION_LIST: Final[dict[str, Any]] = {
    "operation_id": "collection_list",
    "summary": "List your collections, newest first",
    "description": SCOPE,
    "parameters": [PageInput],
    "responses": {
        200: page_of("CollectionPage", CollectionSerializer, examples.COLLECTION),
        **errors("identity_off"),
    },
    "filters": False,
}
COLLECTION_CREATE: Final[dict[str, Any]] = {
    "operation_id": "collection_create",
    "summary": "Create a collection of people to find",
    "description": f"It is bound to the embedding model in service: vectors of others cannot be compared. {SCOPE}",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"application/json": CollectionInput},
    "responses": {
        201: answer(CollectionSerializer, examples.COLLECTION, "The collection, still empty."),
        **errors("identity_off", "model_not_ready", *BODY, *REMEMBERED),
    },
    "examples": [sent("Kept for a year", {"name": "staff", "ttl_days": 365})],
}
COLLECTION_READ: Final[dict[str, Any]] = {
    "operation_id": "collection_read",
    "summary": "Read one of your collections",
    "description": SCOPE,
    "responses": {
        200: answer(CollectionSerializer, examples.COLLECTION, "The collection."),
        **errors("identity_off", "not_found"),
    },
}
COLLECTION_UPDATE: Final[dict[str, Any]] = {
    "operation_id": "collection_update",
    "summary": "Change a collection's name or how long its faces are kept",
    "description": f"Faces that are enrolled already keep their time. {SCOPE}",
    "request": {"application/json": CollectionUpdateInput},
    "responses": {
        200: answer(CollectionSerializer, examples.COLLECTION, "The collection, changed."),
        **errors("identity_off", "not_found", *BODY),
    },
    "examples": [sent("Another name", {"name": "visitors"})],
}
COLLECTION_DELETE: Final[dict[str, Any]] = {
    "operation_id": "collection_delete",
    "summary": "Delete a collection with all its faces",
    "description": SCOPE,
    "responses": {
        204: OpenApiResponse(description="Deleted."),
        **errors("identity_off", "not_found", "search_unavailable"),
    },
}
COLLECTION_SUBJECTS: Final[dict[str, Any]] = {
    "operation_id": "collection_subject_list",
    "summary": "List the people of a collection by name",
    "description": SCOPE,
    "parameters": [PageInput],
    "responses": {
        200: page_of("SubjectPage", SubjectSerializer, examples.ENROLLED_SUBJECT),
        **errors("identity_off", "not_found"),
    },
    "filters": False,
}
COLLECTION_SUBJECT_DELETE: Final[dict[str, Any]] = {
    "operation_id": "collection_subject_delete",
    "summary": "Remove a person from a collection",
    "description": "The person is unknown at once, in every process of the server. What else is stored about them "
    f"stays: `POST /subjects/{{subject}}/erase` erases everything, with a receipt. {SCOPE}",
    "parameters": [SUBJECT_PART],
    "responses": {
        204: OpenApiResponse(description="Removed."),
        **errors("identity_off", "not_found", "search_unavailable"),
    },
}
FACE_DELETE: Final[dict[str, Any]] = {
    "operation_id": "enrolled_face_delete",
    "summary": "Remove one face from a collection",
    "description": SCOPE,
    "responses": {
        204: OpenApiResponse(description="Removed."),
        **errors("identity_off", "not_found", "search_unavailable"),
    },
}
FACE_LIST: Final[dict[str, Any]] = {
    "operation_id": "enrolled_face_list",
    "summary": "List the faces of a collection, newest first",
    "description": f"Without their vectors. {SCOPE}",
    "parameters": [FaceListInput],
    "responses": {
        200: page_of("EnrolledFacePage", EnrolledFaceSerializer, examples.ENROLLED_FACE),
        **errors("identity_off", "not_found"),
    },
    "filters": False,
}
FACE_ENROL: Final[dict[str, Any]] = {
    "operation_id": "face_enrol",
    "summary": "Enrol a person's face from an image",
    "description": "Refused are images without a face, or with several unless `face` says which; faces of low quality; "
    "a face far from the subject's others; a face that looks like someone else in the collection; and a face that the "
    "subject has already. The picture is not kept. "
    f"{SCOPE}",
    "parameters": [IDEMPOTENCY_KEY],
    "request": with_image(EnrolInput),
    "responses": {
        201: answer(EnrolledSerializer, {"faces": [examples.ENROLLED_FACE]}, "The face is enrolled."),
        **errors(
            "no_face",
            "several_faces",
            "low_quality",
            "far_from_subject",
            "belongs_to_another",
            "already_enrolled",
            *SEARCHED,
            *IMAGE,
            *BODY,
            *REMEMBERED,
        ),
    },
    "examples": [
        sent("With consent", {"image": examples.PORTRAIT, "subject": "ada", "consent": "signed on 2026-11-20"})
    ],
}
VECTOR_ENROL: Final[dict[str, Any]] = {
    "operation_id": "vector_enrol",
    "summary": "Enrol up to 10,000 faces by their vectors",
    "description": "All or none; refused as for an image, with the `index` of the face in `details`. Vectors come from "
    f"`POST /embeddings`, with the model that made them. {SCOPE}",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"application/json": VectorsInput},
    "responses": {
        201: answer(EnrolledSerializer, {"faces": [examples.ENROLLED_FACE]}, "All are enrolled."),
        **errors(
            "far_from_subject",
            "belongs_to_another",
            "already_enrolled",
            "enrolment_too_large",
            *SEARCHED,
            *BODY,
            *REMEMBERED,
        ),
    },
    "examples": [
        sent("One vector", {"model": "ab" * 32, "faces": [{"subject": "ada", "embedding": [0.12, -0.03, 0.41]}]})
    ],
}
COLLECTION_SEARCH: Final[dict[str, Any]] = {
    "operation_id": "collection_search",
    "summary": "Find the people of a collection in an image",
    "description": "Each face gets the people whose similarity reaches the threshold, and at most one name; each "
    "person is named at most once. The others are `unknown`. The threshold grows with the number of faces enrolled, "
    "so that `fmr` is the share of strangers who are taken for anyone. Nothing is stored, not even an answer for an "
    f"`Idempotency-Key`. {SCOPE}",
    "parameters": [REQUEST_ID],
    "request": with_image(SearchInput),
    "responses": {
        200: answer(SearchSerializer, examples.SEARCH, "Who was found."),
        **errors("empty_collection", *SEARCHED, *IMAGE),
    },
    "examples": [sent("At most two people a face", {"image": examples.PORTRAIT, "candidates": 2})],
}
COLLECTION_GROUPS: Final[dict[str, Any]] = {
    "operation_id": "collection_groups",
    "summary": "Group up to 10,000 unknown faces by person",
    "description": "By average linkage of their vectors. Faces of people in the collection come back under `known`. "
    "Nothing is stored: send the groups again with further faces, as `group`, and they keep their faces. To name a "
    f"group, enrol its faces (`POST …/vectors`). {SCOPE}",
    "request": {"application/json": GroupsInput},
    "responses": {
        200: answer(GroupsSerializer, examples.GROUPS, "The groups, the largest first."),
        **errors("enrolment_too_large", *SEARCHED, *BODY),
    },
    "examples": [
        sent(
            "Two faces",
            {
                "model": "ab" * 32,
                "faces": [
                    {"name": "a.jpg#0", "embedding": [0.12, -0.03, 0.41], "quality": 0.9},
                    {"name": "b.jpg#0", "embedding": [0.11, -0.05, 0.44], "quality": 0.7},
                ],
            },
        )
    ],
}
COLLECTION_VERIFY: Final[dict[str, Any]] = {
    "operation_id": "collection_verify",
    "summary": "Compare a face with one person of a collection",
    "description": "With the most similar of the person's faces. Nothing is stored, not even an answer for an "
    f"`Idempotency-Key`. {SCOPE}",
    "parameters": [REQUEST_ID],
    "request": with_image(VerifyInput),
    "responses": {
        200: answer(VerificationSerializer, examples.VERIFICATION, "The same person, or not."),
        **errors("no_face", "several_faces", *SEARCHED, *IMAGE),
    },
    "examples": [sent("Is it Ada?", {"image": examples.PORTRAIT, "subject": "ada"})],
}
