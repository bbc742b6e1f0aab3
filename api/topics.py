"""The topics under which the schema lists its routes: sections of /api/docs, modules of generated clients."""

from typing import Any, Final

from drf_spectacular.openapi import AutoSchema

# First part of the path below /api/v1 → topic, if it is not the part itself.
_TOPIC_OF: Final = {
    "detections": "analyses",
    "previews": "analyses",
    "comparisons": "identity",
    "embeddings": "identity",
    "receipt-keys": "subjects",
    "portraits": "pictures",
    "redactions": "pictures",
}
DESCRIPTIONS: Final = {
    "analyses": "Find and describe the faces of one image.",
    "labels": "What people say is right about a face, as a table to measure with.",
    "jobs": "Analyze many images in the background.",
    "videos": "Follow the people of a video in the background.",
    "subjects": "Export and erase what is stored about a person.",
    "identity": "Compare faces. Off until the operator turns identity on.",
    "collections": "Find people in images. Off until the operator turns identity on.",
    "pictures": "Pictures that go out: another background, hidden faces.",
    "models": "The models in service, with their measured accuracy.",
    "webhooks": "Be told of events.",
    "api-keys": "Manage the keys of clients.",
    "audit": "Who read, exported, erased or managed what.",
}


class TopicSchema(AutoSchema):
    """Names the topic of a route by its path."""

    def get_tags(self) -> list[str]:
        part: str = self.path.removeprefix("/api/v1/").split("/")[0]
        return [_TOPIC_OF.get(part, part)]


def describe_topics(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A hook of drf-spectacular: lists the topics in this order, which is also that of /api/docs."""
    tags = [{"name": name, "description": text} for name, text in DESCRIPTIONS.items()]
    return {**result, "tags": tags}
