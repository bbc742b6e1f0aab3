"""What the methods about collections of people send, and how their answers are read."""

from collections.abc import Sequence
from typing import Any

import httpx

from xcloud_client.asks import Ask, Json, about_picture, given, json_of, nothing, post, url_part
from xcloud_client.options import (
    CollectionOptions,
    EnrolOptions,
    GroupOptions,
    NameOptions,
    SearchOptions,
    VerifyOptions,
)
from xcloud_client.types import (
    Collection,
    EnrolledFace,
    GroupedFace,
    SearchedFace,
    VectorToEnrol,
    VectorToGroup,
    Verification,
)
from xcloud_client.uploads import Picture


def create_collection(name: str, ttl_days: int | None) -> Ask[Collection]:
    return post("collections", {"name": name, "ttl_days": ttl_days})


def collection(collection_id: str) -> Ask[Collection]:
    return Ask("GET", f"collections/{collection_id}")


def change_collection(collection_id: str, changes: CollectionOptions) -> Ask[Collection]:
    return Ask("PATCH", f"collections/{collection_id}", options={"json": dict(changes)})


def delete_collection(collection_id: str) -> Ask[None]:
    return Ask("DELETE", f"collections/{collection_id}", nothing)


def enrol(collection_id: str, picture: Picture, subject: str, options: EnrolOptions) -> Ask[EnrolledFace]:
    fields = {**options, "subject": subject, "accept": ",".join(options.get("accept", ())) or None}
    fields["consent"] = options.get("consent") or None
    ask: Ask[Any] = about_picture(f"collections/{collection_id}/faces", picture, fields)
    return Ask("POST", ask.path, lambda response: json_of(response)["faces"][0], ask.options)


def enrol_vectors(
    collection_id: str, model: str, faces: Sequence[VectorToEnrol], accept: Sequence[str]
) -> Ask[list[EnrolledFace]]:
    body = {"model": model, "faces": list(faces), "accept": list(accept)}
    return Ask("POST", f"collections/{collection_id}/vectors", _faces, {"json": body})


def search(collection_id: str, picture: Picture, options: SearchOptions) -> Ask[list[SearchedFace]]:
    ask: Ask[Any] = about_picture(f"collections/{collection_id}/search", picture, options)
    return Ask("POST", ask.path, _faces, ask.options)


def verify(collection_id: str, picture: Picture, subject: str, options: VerifyOptions) -> Ask[Verification]:
    return about_picture(f"collections/{collection_id}/verify", picture, {**options, "subject": subject})


def remove_person(collection_id: str, subject: str) -> Ask[None]:
    return Ask("DELETE", f"collections/{collection_id}/subjects/{url_part(subject)}", nothing)


def remove_face(collection_id: str, face_id: str) -> Ask[None]:
    return Ask("DELETE", f"collections/{collection_id}/faces/{face_id}", nothing)


def group_vectors(collection_id: str, model: str, faces: Sequence[VectorToGroup], options: GroupOptions) -> Ask[Json]:
    return post(f"collections/{collection_id}/groups", {"model": model, "faces": list(faces), **options})


def group_unknown(collection_id: str, job_id: str | None) -> Ask[Json]:
    return post(_unknown(collection_id), given({"job": job_id}))


def name_group(collection_id: str, group_id: str, subject: str, options: NameOptions) -> Ask[list[EnrolledFace]]:
    body = {**given(options), "subject": subject}
    return Ask("POST", _unknown(collection_id, group_id, "name"), _faces, {"json": body})


def merge_groups(collection_id: str, group_id: str, other_id: str) -> Ask[None]:
    body = {"group": other_id}
    return Ask("POST", _unknown(collection_id, group_id, "merge"), nothing, {"json": body})


def split_group(collection_id: str, group_id: str, faces: Sequence[GroupedFace]) -> Ask[str]:
    body = {"faces": [_named(face) for face in faces]}
    path = _unknown(collection_id, group_id, "split")
    return Ask("POST", path, lambda response: json_of(response)["group"], {"json": body})


def reject_face(collection_id: str, group_id: str, face: GroupedFace) -> Ask[None]:
    body = {"face": _named(face)}
    return Ask("POST", _unknown(collection_id, group_id, "reject"), nothing, {"json": body})


def _faces(response: httpx.Response) -> Any:
    return json_of(response)["faces"]


def _unknown(collection_id: str, *parts: str) -> str:
    return "/".join(("collections", collection_id, "unknown", *parts))


def _named(face: GroupedFace) -> Json:
    """A face as a list of groups shows it, as a request names it."""
    return {"analysis": face["analysis"], "index": face["index"]}
