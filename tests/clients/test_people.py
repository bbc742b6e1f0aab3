"""The Python client's methods about who is who, against the real server."""

import asyncio
import io
import json
import time
from typing import Any

import httpx
import pytest
from pytest_django.live_server_helper import LiveServer

from cv.choices import Scope
from cv.models import Collection, EnrolledFace, FaceVector
from cv.services import api_key_create
from tests.archives import zip_of
from tests.clients.test_python import ApiError, AsyncXCloud, XCloud
from tests.jobs import work_through

pytestmark = pytest.mark.usefixtures("identity")


@pytest.fixture
def key(transactional_db: None) -> str:
    return api_key_create("client", scopes=list(Scope))[1]


@pytest.fixture
def cloud(live_server: LiveServer, key: str) -> Any:
    with XCloud(live_server.url, key) as client:
        yield client


def test_people_are_enrolled_found_verified_and_removed(
    cloud: XCloud, grace_hopper: bytes, astronaut: bytes, two_faces: bytes
) -> None:
    made = cloud.create_collection("crew", ttl_days=30)
    crew = made["id"]
    changed = cloud.change_collection(crew, name="navy", ttl_days=None)
    assert (changed["name"], changed["ttl_days"]) == ("navy", None)
    first = cloud.enrol(crew, grace_hopper, "hopper", consent="public domain")
    assert (first["subject"], first["consent"]) == ("hopper", "public domain")
    second = cloud.enrol(crew, astronaut, "collins")
    shown = cloud.collection(crew)
    assert (shown["faces"], shown["subjects"]) == (2, 2)
    assert [found["id"] for found in cloud.collections()] == [crew]
    assert [person["subject"] for person in cloud.subjects(crew)] == ["collins", "hopper"]
    assert [face["id"] for face in cloud.enrolled_faces(crew, subject="hopper")] == [first["id"]]
    found = cloud.search(crew, two_faces, candidates=1, max_faces=5)
    assert [face["match"] and face["match"]["subject"] for face in found] == ["hopper", "collins"]
    assert cloud.verify(crew, two_faces, "collins", face=1)["same"] is True
    assert cloud.verify(crew, grace_hopper, "collins", fmr=1e-5)["same"] is False
    job = cloud.start_job(archive=io.BytesIO(zip_of([("a.png", two_faces)])), search=crew)
    assert job["options"]["search"] == crew
    work_through()
    (line,) = cloud.results(job["id"])
    assert [face["match"]["subject"] for face in line["found"]] == ["hopper", "collins"]
    cloud.remove_face(crew, second["id"])
    cloud.remove_person(crew, "hopper")
    assert EnrolledFace.objects.count() == 0
    with pytest.raises(ApiError) as refused:
        cloud.search(crew, two_faces)
    assert refused.value.code == "empty_collection"
    cloud.delete_collection(crew)
    assert Collection.objects.count() == 0


def test_two_pictures_are_compared_and_vectors_are_embedded_enrolled_and_grouped(
    cloud: XCloud, grace_hopper: bytes, astronaut: bytes, two_faces: bytes
) -> None:
    compared = cloud.compare(two_faces, grace_hopper, fmr=1e-5, prior=0.1)
    assert compared["threshold"]["fmr"] == 1e-5
    assert [(pair["first"], pair["same"]) for pair in compared["pairs"]] == [(0, True), (1, False)]
    assert compared["pairs"][0]["probability"] > 0.99 > compared["pairs"][1]["probability"]
    embedded = cloud.embed(two_faces, min_face_px=40)
    hopper, collins = (face["embedding"] for face in embedded["faces"])
    assert (len(hopper), sum(value**2 for value in hopper)) == (128, pytest.approx(1, abs=1e-3))
    crew, model = cloud.create_collection("crew")["id"], embedded["model"]["sha256"]
    (face,) = cloud.enrol_vectors(crew, model, [{"subject": "hopper", "embedding": hopper, "ttl_days": 3}])
    assert (face["quality"], face["expires_at"] is None) == (None, False)
    with pytest.raises(ApiError) as refused:
        cloud.enrol_vectors(crew, "cd" * 32, [{"subject": "x", "embedding": hopper}], accept=["far_from_subject"])
    assert refused.value.code == "other_model"
    faces = [{"name": "a", "embedding": hopper}, {"name": "b", "embedding": collins}]
    other = cloud.embed(astronaut)["faces"][0]["embedding"]
    grouped = cloud.group_vectors(crew, model, [*faces, {"name": "c", "embedding": other}], apart=[("a", "c")])
    assert [face["name"] for face in grouped["known"]] == ["a"]
    assert [group["faces"] for group in grouped["groups"]] == [["b", "c"]]


def test_unknown_people_are_grouped_corrected_and_named(
    cloud: XCloud, grace_hopper: bytes, astronaut: bytes, two_faces: bytes
) -> None:
    crew = cloud.create_collection("crew")["id"]
    both = cloud.analyse(two_faces, keep_vectors=True, attributes=["age"])
    alone = cloud.analyse(astronaut, keep_vectors=True, keep_picture=True)
    job = cloud.start_job(analyses=[alone["id"]], keep_vectors=True)
    assert (job["options"]["store"]["vectors"], FaceVector.objects.count()) == (True, 3)
    assert cloud.group_unknown(crew) == {"faces": 3, "known": 0, "new_groups": 2}
    collins, hopper = cloud.unknown_groups(crew)
    assert (collins["count"], hopper["count"]) == (2, 1)
    moved = next(face for face in collins["faces"] if face["analysis"] == both["id"])
    apart = cloud.split_group(crew, collins["id"], [moved])
    assert {group["id"] for group in cloud.unknown_groups(crew)} == {collins["id"], hopper["id"], apart}
    cloud.merge_groups(crew, collins["id"], apart)
    cloud.reject_face(crew, collins["id"], moved)
    assert [group["count"] for group in cloud.unknown_groups(crew)] == [1, 1]
    (face,) = cloud.name_group(crew, hopper["id"], "hopper", consent="public domain", ttl_days=9)
    assert (face["subject"], face["expires_at"] is None) == ("hopper", False)
    assert [group["id"] for group in cloud.unknown_groups(crew)] == [collins["id"]]


def test_the_async_twin_finds_people(live_server: LiveServer, key: str, grace_hopper: bytes, two_faces: bytes) -> None:
    async def walk() -> list[Any]:
        async with AsyncXCloud(live_server.url, key) as cloud:
            crew = (await cloud.create_collection("crew"))["id"]
            await cloud.enrol(crew, grace_hopper, "hopper")
            assert [person["subject"] async for person in cloud.subjects(crew)] == ["hopper"]
            compared = await cloud.compare(grace_hopper, grace_hopper)
            assert compared["pairs"][0]["same"] is True
            assert len((await cloud.embed(grace_hopper))["faces"][0]["embedding"]) == 128
            await cloud.analyse(two_faces, keep_vectors=True)
            assert await cloud.group_unknown(crew) == {"faces": 2, "known": 1, "new_groups": 1}
            groups = [group async for group in cloud.unknown_groups(crew)]
            await cloud.name_group(crew, groups[0]["id"], "collins")
            return await cloud.search(crew, two_faces)

    found = asyncio.run(walk())
    assert [face["match"]["subject"] for face in found] == ["hopper", "collins"]


def test_a_name_that_the_server_has_saved_is_not_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken connection after a POST: the second try has the same Idempotency-Key and body."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise httpx.ReadError("broken")
        return httpx.Response(201, json={"faces": []})

    with XCloud("http://xcloud", "k", transport=httpx.MockTransport(handle)) as cloud:
        assert cloud.name_group("c", "g", "ada", consent="signed") == []
    first, second = asked
    assert str(first.url) == "http://xcloud/api/v1/collections/c/unknown/g/name"
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert json.loads(first.read()) == json.loads(second.read()) == {"consent": "signed", "subject": "ada"}
