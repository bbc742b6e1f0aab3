"""The schema of people whom a collection does not know yet."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse

from api.inputs import PageInput
from api.inputs.groups import GroupingInput, GroupMergeInput, GroupNameInput, GroupRejectInput, GroupSplitInput
from api.schema import examples
from api.schema.collections import SCOPE, SEARCHED
from api.schema.parts import BODY, IDEMPOTENCY_KEY, REMEMBERED, answer, errors, page_of, sent
from api.serializers.collections import EnrolledSerializer
from api.serializers.groups import GroupingSerializer, SplitSerializer, StoredGroupSerializer

FACE: Final = {"analysis": examples.ANALYSIS["id"], "index": 0}
OF_A_GROUP: Final = ("identity_off", "not_found", "not_in_group", *BODY)

UNKNOWN_GROUP: Final[dict[str, Any]] = {
    "operation_id": "unknown_group",
    "summary": "Group the unknown faces of analyses by person",
    "description": "Of the faces whose vectors were kept (`store.vectors`), of one job or of all your analyses, up to "
    "10,000. Faces of people in the collection join no group. Groups stay as they are and may get more faces; only "
    f"`merge`, `split`, `reject` and `name` change them otherwise. {SCOPE}",
    "request": {"application/json": GroupingInput},
    "responses": {
        200: answer(GroupingSerializer, {"faces": 120, "known": 31, "new_groups": 14}, "What became of the faces."),
        **errors("too_many_to_group", "groups_changed", *SEARCHED, *BODY),
    },
    "examples": [sent("All analyses", {})],
}
UNKNOWN_LIST: Final[dict[str, Any]] = {
    "operation_id": "unknown_list",
    "summary": "List the groups of unknown faces",
    "description": f"The largest first, the best face of each first. {SCOPE}",
    "parameters": [PageInput],
    "responses": {
        200: page_of("UnknownPage", StoredGroupSerializer, examples.GROUP),
        **errors("identity_off", "not_found"),
    },
    "filters": False,
}
UNKNOWN_NAME: Final[dict[str, Any]] = {
    "operation_id": "unknown_name",
    "summary": "Name a group, which enrols it",
    "description": "Its best faces, up to 20, are enrolled as the subject, and the group is gone. Faces with `doubts`, "
    f"of low quality or of a child, are left out unless `accept` names the doubt. {SCOPE}",
    "parameters": [IDEMPOTENCY_KEY],
    "request": {"application/json": GroupNameInput},
    "responses": {
        201: answer(EnrolledSerializer, {"faces": [examples.ENROLLED_FACE]}, "The faces enrolled."),
        **errors(
            "not_in_group",
            "doubtful_faces",
            "already_enrolled",
            "belongs_to_another",
            "far_from_subject",
            *SEARCHED,
            *BODY,
            *REMEMBERED,
        ),
    },
    "examples": [sent("It is Ada", {"subject": "ada", "consent": "in writing, 3 May"})],
}
UNKNOWN_MERGE: Final[dict[str, Any]] = {
    "operation_id": "unknown_merge",
    "summary": "Merge two groups of one person",
    "description": f"The faces of `group` move to the group in the address. {SCOPE}",
    "request": {"application/json": GroupMergeInput},
    "responses": {204: OpenApiResponse(description="Merged."), **errors(*OF_A_GROUP)},
    "examples": [sent("The other group", {"group": examples.GROUP["id"]})],
}
UNKNOWN_SPLIT: Final[dict[str, Any]] = {
    "operation_id": "unknown_split",
    "summary": "Split faces of another person from a group",
    "description": f"They become a group of their own, and the two are never merged unless you merge them. {SCOPE}",
    "request": {"application/json": GroupSplitInput},
    "responses": {
        201: answer(SplitSerializer, {"group": examples.GROUP["id"]}, "The new group."),
        **errors(*OF_A_GROUP),
    },
    "examples": [sent("One face", {"faces": [FACE]})],
}
UNKNOWN_REJECT: Final[dict[str, Any]] = {
    "operation_id": "unknown_reject",
    "summary": "Say that a face is not this person",
    "description": f"It leaves the group, and never joins it again, nor the person whose name the group gets. {SCOPE}",
    "request": {"application/json": GroupRejectInput},
    "responses": {204: OpenApiResponse(description="It is not."), **errors(*OF_A_GROUP)},
    "examples": [sent("One face", {"face": FACE})],
}
