"""Jobs that search a collection for every photo: who may, what the results say, and what erasure takes out of them."""

import csv
import io
import json
from typing import Any

import pytest
from pyarrow import parquet
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.models import ApiKey, AuditEvent, Collection, FaceSearch, FaceVector, FoundPerson, Job
from cv.search.base import SearchUnavailable
from cv.services import api_key_create, collection_delete
from cv.tables import OF_SEARCH, table_columns
from cv.trust.caller import Caller
from cv.workers import worker
from tests.api.test_collections import error_of
from tests.archives import zip_of
from tests.factories import streamed
from tests.jobs import codes, states, work_through
from tests.vectors import axis, enrolled, made_collection

pytestmark = pytest.mark.usefixtures("identity")

URL = "/api/v1/jobs"


@pytest.fixture
def crew(api: APIClient, caller: Caller, grace_hopper: bytes, astronaut: bytes) -> Collection:
    """Two people, enrolled with the model in service; one name looks like a formula."""
    made = api.post("/api/v1/collections", {"name": "crew"}).json()["id"]
    for data, subject in ((grace_hopper, "=hopper"), (astronaut, "collins")):
        sent = {"image": photo(data), "subject": subject}
        answer = api.post(f"/api/v1/collections/{made}/faces", sent, format="multipart")
        assert answer.status_code == 201
    return Collection.objects.get(pk=made)


def photo(data: bytes) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = "photo"
    return file


def searching(api: APIClient, collection: Any, *photos: bytes, **options: Any) -> Any:
    archive = photo(zip_of([(f"{index}.jpg", data) for index, data in enumerate(photos)]))
    return api.post(URL, {"archive": archive, "search": str(collection), **options}, format="multipart")


def lines(api: APIClient, job: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in streamed(api.get(f"{URL}/{job}/results")).decode().splitlines()]


def test_every_photo_is_searched_and_the_results_name_each_person_once_a_photo(
    api: APIClient, crew: Collection, two_faces: bytes, empty_scene: bytes, grace_hopper: bytes
) -> None:
    made = searching(api, crew.pk, two_faces, empty_scene, attributes="gender")
    assert (made.status_code, made.json()["options"]["search"]) == (202, str(crew.pk))
    assert made.json()["options"]["attributes"] == ["gender"]
    work_through()
    group, nobody = lines(api, made.json()["id"])
    by_hand = api.post(f"/api/v1/collections/{crew.pk}/search", {"image": photo(two_faces)}, format="multipart").json()
    assert [found["index"] for found in group["found"]] == [0, 1]
    assert [found["match"]["subject"] for found in group["found"]] == ["=hopper", "collins"]
    for ours, theirs in zip(group["found"], by_hand["faces"], strict=True):
        assert {name: ours[name] for name in ("unknown", "match", "candidates", "doubts")} == {
            name: theirs[name] for name in ("unknown", "match", "candidates", "doubts")
        }
    assert (nobody["state"], nobody["found"]) == ("done", [])
    # What was computed for the search alone is not kept.
    assert list(group["analysis"]["faces"][0]["attributes"]) == ["gender"]
    assert FaceVector.objects.count() == 0
    events = AuditEvent.objects.filter(action="collection.search").order_by("pk").values_list("objects_named", "count")
    assert list(events)[:2] == [([str(crew.pk)], 2), ([str(crew.pk)], 0)]


def test_tables_have_a_column_for_each_part_of_what_was_found(
    api: APIClient, crew: Collection, two_faces: bytes, empty_scene: bytes
) -> None:
    job = searching(api, crew.pk, two_faces, empty_scene).json()["id"]
    work_through()
    sheet = streamed(api.get(f"{URL}/{job}/results?format=csv")).decode("utf-8-sig")
    first, second, nobody = csv.DictReader(io.StringIO(sheet))
    assert (first["found_subject"], first["found_unknown"], second["found_subject"]) == ("'=hopper", "false", "collins")
    assert [found["subject"] for found in json.loads(first["found_candidates"])] == ["=hopper"]
    assert float(first["found_similarity"]) > 0.7
    assert {nobody[name] for name in OF_SEARCH} == {""}
    table = parquet.read_table(io.BytesIO(streamed(api.get(f"{URL}/{job}/results?format=parquet"))))
    assert table["found_subject"].to_pylist() == ["=hopper", "collins", None]
    assert set(table_columns([], frozenset())).isdisjoint(OF_SEARCH)


def test_an_erased_person_is_unknown_in_the_results_at_once(api: APIClient, crew: Collection, two_faces: bytes) -> None:
    job = searching(api, crew.pk, two_faces).json()["id"]
    work_through()
    receipt = api.post("/api/v1/subjects/=hopper/erase", {}).json()["receipt"]
    assert receipt["deleted"]["enrolled_faces"] == 1
    (line,) = lines(api, job)
    assert [(found["unknown"], len(found["candidates"])) for found in line["found"]] == [(True, 0), (False, 1)]
    collection_delete(crew, None)
    assert [found["unknown"] for found in lines(api, job)[0]["found"]] == [True, True]
    assert (FaceSearch.objects.count(), FoundPerson.objects.count()) == (2, 0)


def test_a_key_without_the_scope_may_not_search_and_does_not_read_names(
    api: APIClient, crew: Collection, two_faces: bytes, key: tuple[ApiKey, str], settings: Settings
) -> None:
    job = searching(api, crew.pk, two_faces).json()["id"]
    work_through()
    ApiKey.objects.filter(pk=key[0].pk).update(scopes=[Scope.READ, Scope.ANALYSE])
    assert error_of(searching(api, crew.pk, two_faces)) == (403, "forbidden")
    assert lines(api, job)[0]["found"] is None
    assert "found_subject" not in streamed(api.get(f"{URL}/{job}/results?format=csv")).decode()
    ApiKey.objects.filter(pk=key[0].pk).update(scopes=[Scope.READ, Scope.ANALYSE, Scope.IDENTIFY])
    settings.XCLOUD_IDENTITY = False
    assert error_of(searching(api, crew.pk, two_faces)) == (403, "forbidden")
    assert lines(api, job)[0]["found"] is None


def test_collections_that_cannot_be_searched_are_refused_and_no_job_is_made(
    api: APIClient, caller: Caller, crew: Collection, empty_scene: bytes
) -> None:
    other = Caller(api_key=api_key_create("other", scopes=[Scope.IDENTIFY])[0])
    theirs, toys, empty = made_collection(other), made_collection(caller), made_collection(caller)
    enrolled(toys, caller, "ada", axis(0))
    Collection.objects.filter(pk=empty.pk).update(
        model_sha256=crew.model_sha256, model_name=crew.model_name, model_version=crew.model_version
    )
    for collection, expected in [
        (theirs.pk, (404, "not_found")),
        (toys.pk, (422, "other_model")),
        (empty.pk, (409, "empty_collection")),
        ("staff", (400, "invalid_request")),
    ]:
        assert error_of(searching(api, collection, empty_scene)) == expected
    assert Job.objects.count() == 0


def test_what_is_gone_by_the_time_of_the_search_fails_the_photo_with_its_reason(
    api: APIClient, crew: Collection, two_faces: bytes, key: tuple[ApiKey, str]
) -> None:
    job = Job.objects.get(pk=searching(api, crew.pk, two_faces).json()["id"])
    ApiKey.objects.filter(pk=key[0].pk).update(scopes=[Scope.READ, Scope.ANALYSE])
    work_through()
    assert (states(job), codes(job)) == (["failed"], ["search_forbidden"])
    ApiKey.objects.filter(pk=key[0].pk).update(scopes=[Scope.READ, Scope.ANALYSE, Scope.IDENTIFY])
    collection_delete(crew, None)
    assert api.post(f"{URL}/{job.pk}/retry", {}).status_code == 200
    work_through()
    assert codes(job) == ["collection_deleted"]
    error = api.get(f"{URL}/{job.pk}/items").json()["results"][0]["error"]
    assert error["message"] == "the collection that this job searches was deleted"
    assert api.post(f"{URL}/{job.pk}/retry", {}).status_code == 409


# An outage closes the connection, and with it a test's transaction.
@pytest.mark.django_db(transaction=True)
def test_a_search_index_that_does_not_answer_is_asked_again_and_then_fails_the_photo(
    api: APIClient, crew: Collection, two_faces: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job.objects.get(pk=searching(api, crew.pk, two_faces).json()["id"])
    asked = []

    def away(*_: Any) -> None:
        asked.append(1)
        raise SearchUnavailable("Milvus does not answer; try again")

    monkeypatch.setattr(worker, "TRIES_S", (0.0, 0.0))
    with monkeypatch.context() as patched:
        patched.setattr("cv.search.people.nearest", away)
        work_through()
    assert (len(asked), codes(job)) == (3, ["search_unavailable"])
    assert api.post(f"{URL}/{job.pk}/retry", {}).status_code == 200
    work_through()
    assert states(job) == ["done"]
