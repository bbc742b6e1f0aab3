"""Endpoint that groups faces by person, for those that a collection does not know yet."""

from functools import partial
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.authentication import caller_of
from api.inputs.groups import GroupsInput
from api.serializers.groups import GroupsSerializer
from api.sources import json_object
from api.views.collections import IdentifyView, check_count, check_model, own_collection
from cv.choices import AuditAction
from cv.identity.odds import served_odds
from cv.models import Collection
from cv.search.base import Vectors
from cv.search.grouping import best_faces, group_faces
from cv.search.people import Candidate, people_near
from cv.selectors import enrolled_faces
from cv.services import audit_note

# As for a search: the share of strangers who are taken for anyone in the collection.
FMR = 1e-3


class GroupsView(IdentifyView):
    """Nothing is stored, not even the answer for an Idempotency-Key."""

    @extend_schema(**schema.COLLECTION_GROUPS)
    def post(self, request: Request, collection_id: UUID) -> Response:
        collection, body = own_collection(request, collection_id), json_object(request)
        check_count(body.get("faces"))
        given = GroupsInput(data=body)
        given.is_valid(raise_exception=True)
        vectors, fields = given.vectors(), given.validated_data
        check_model(collection, fields["model"], vectors.shape[1])
        known = known_people(collection, vectors)
        answer = {
            "collection": collection.pk,
            "threshold": fields["threshold"],
            "known": [
                {"name": face["name"], "match": match}
                for face, match in zip(fields["faces"], known, strict=True)
                if match
            ],
            "groups": grouped(fields, vectors, [row for row, match in enumerate(known) if match is None]),
        }
        audit_note(caller_of(request), AuditAction.COLLECTION_SEARCH, [collection.pk], count=len(vectors))
        prior = 0.5 / max(1, enrolled_faces(collection).count())
        context = {"probability": partial(served_odds().probability, prior=prior)}
        return Response(GroupsSerializer(answer, context=context).data)


def known_people(collection: Collection, vectors: Vectors) -> list[Candidate | None]:
    """For each face the person of the collection that it belongs to; None for unknown faces."""
    enrolled = enrolled_faces(collection).count()
    if not enrolled:
        return [None] * len(vectors)
    threshold = served_odds().threshold(FMR, enrolled)
    near = people_near(collection.pk, vectors, 1)
    return [people[0] if people and people[0].similarity >= threshold else None for people in near]


def grouped(fields: dict[str, Any], vectors: Vectors, rows: list[int]) -> list[dict[str, Any]]:
    """The groups of these rows, the largest first, each with its best face."""
    if not rows:
        return []
    faces = [fields["faces"][row] for row in rows]
    position = {face["name"]: index for index, face in enumerate(faces)}
    names = {name: label for label, name in enumerate(dict.fromkeys(face["group"] for face in faces if face["group"]))}
    apart = [(position[one], position[other]) for one, other in fields["apart"] if {one, other} <= position.keys()]
    labels = [names.get(face["group"], -1) for face in faces]
    groups = group_faces(vectors[rows], labels, apart, fields["threshold"])
    best = best_faces(vectors[rows], [face["quality"] for face in faces], groups)
    found = [{"group": "", "best": faces[row]["name"], "faces": []} for row in best]
    for face, number in zip(faces, groups.tolist(), strict=True):
        found[number]["faces"].append(face["name"])
        found[number]["group"] = found[number]["group"] or face["group"]
    return sorted(found, key=lambda group: -len(group["faces"]))
