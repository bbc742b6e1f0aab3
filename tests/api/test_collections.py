"""Collections by the API: enrolment and its refusals, search, verification, and erasure."""

import base64
import json
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import Scope
from cv.identity.odds import served_odds
from cv.models import ApiKey, AuditEvent, Collection, EnrolledFace, IdempotentRequest
from cv.search import served
from cv.search.served import served_index
from cv.services import api_key_create
from cv.services.enrolment_checks import Comparison
from cv.trust.caller import Caller
from tests.factories import streamed
from tests.vectors import DIMENSIONS, MODEL, axis, enrolled, made_collection, near

pytestmark = pytest.mark.usefixtures("identity")

URL = "/api/v1/collections"


def sent(subject: str, vector: Any, **said: Any) -> dict[str, Any]:
    return {"subject": subject, "embedding": [float(value) for value in vector], **said}


def enrol(api: APIClient, collection: Collection, *faces: dict[str, Any], **options: Any) -> Any:
    return api.post(f"{URL}/{collection.pk}/vectors", {"model": MODEL.sha256, "faces": list(faces), **options})


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.usefixtures("caller")
def test_a_collection_is_created_listed_changed_and_deleted(api: APIClient, staff: Collection, caller: Caller) -> None:
    shown = api.get(f"{URL}/{staff.pk}").json()
    assert (shown["name"], shown["ttl_days"], shown["faces"], shown["subjects"]) == ("staff", None, 0, 0)
    assert shown["model"] == {"name": "toy", "version": "1", "sha256": MODEL.sha256}
    enrolled(staff, caller, "ada", axis(0), near(0, 0.8, away=1))
    changed = api.patch(f"{URL}/{staff.pk}", {"name": "visitors", "ttl_days": 30}).json()
    assert (changed["name"], changed["ttl_days"], changed["faces"], changed["subjects"]) == ("visitors", 30, 2, 1)
    assert [row["id"] for row in api.get(URL).json()["results"]] == [str(staff.pk)]
    assert api.delete(f"{URL}/{staff.pk}").status_code == 204
    assert error_of(api.get(f"{URL}/{staff.pk}")) == (404, "not_found")
    assert (EnrolledFace.objects.count(), served_index().galleries()) == (0, [])
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", "objects_named"))
    assert actions[-1] == ("collection.delete", [str(staff.pk)])


def test_vectors_are_enrolled_and_stored_sealed(api: APIClient, staff: Collection) -> None:
    answer = enrol(api, staff, sent("ada", axis(0) * 7, consent="signed", ttl_days=3), sent("bob", axis(1)))
    assert answer.status_code == 201
    first, second = answer.json()["faces"]
    assert (first["subject"], first["consent"], first["quality"]) == ("ada", "signed", None)
    assert (first["expires_at"] is None, second["expires_at"] is None) == (False, True)
    stored = bytes(EnrolledFace.objects.get(uuid=first["id"]).vector)
    assert len(stored) == 2 * DIMENSIONS + 28
    assert axis(0).astype("<f2").tobytes() not in stored
    listed = api.get(f"{URL}/{staff.pk}/faces").json()["results"]
    assert {face["id"] for face in listed} == {first["id"], second["id"]}
    assert [face["id"] for face in api.get(f"{URL}/{staff.pk}/faces?subject=ada").json()["results"]] == [first["id"]]
    people = api.get(f"{URL}/{staff.pk}/subjects").json()["results"]
    assert [(person["subject"], person["faces"]) for person in people] == [("ada", 1), ("bob", 1)]


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        ([sent("ada", axis(0))], (409, "already_enrolled")),
        ([sent("bob", axis(0))], (409, "belongs_to_another")),
        ([sent("ada", axis(5))], (422, "far_from_subject")),
        ([sent("cleo", axis(3)), sent("cleo", axis(3))], (409, "already_enrolled")),
        ([sent("cleo", axis(3)), sent("dan", near(3, 0.9, away=4))], (409, "belongs_to_another")),
        ([sent("cleo", axis(3)), sent("cleo", axis(4))], (422, "far_from_subject")),
        ([sent("cleo", axis(3)[:64])], (422, "other_model")),
        ([sent("c/leo", axis(3))], (400, "invalid_request")),
        ([sent("cleo", axis(3) * 0)], (400, "invalid_request")),
        ([{"subject": "cleo", "embedding": ["1", True]}], (400, "invalid_request")),
        ([], (400, "invalid_request")),
        ([sent("cleo", [1.0])] * 10_001, (413, "enrolment_too_large")),
    ],
)
def test_what_would_spoil_a_collection_is_refused_and_nothing_is_half_enrolled(
    api: APIClient, staff: Collection, caller: Caller, faces: list[Any], expected: tuple[int, str]
) -> None:
    enrolled(staff, caller, "ada", axis(0))
    before = [sent("eve", axis(9))] if len(faces) == 1 else []
    assert error_of(enrol(api, staff, *before, *faces)) == expected
    assert list(EnrolledFace.objects.values_list("subject", flat=True)) == ["ada"]


def test_a_refusal_has_its_numbers_and_can_be_overruled(api: APIClient, staff: Collection, caller: Caller) -> None:
    enrolled(staff, caller, "ada", axis(0))
    refused = enrol(api, staff, sent("bob", near(0, 0.9, away=1))).json()["error"]["details"]
    assert (refused["similarity"], refused["belongs_to"]) == (pytest.approx(0.9, abs=1e-3), "ada")
    far = enrol(api, staff, sent("ada", near(0, 0.1, away=1))).json()["error"]["details"]
    assert (far["similarity"], far["threshold"]) == (
        pytest.approx(0.1, abs=1e-3),
        pytest.approx(served_odds().threshold(1e-2), abs=1e-3),
    )
    twin = enrol(api, staff, sent("bob", near(0, 0.9, away=1)), accept=["belongs_to_another"])
    old_photo = enrol(api, staff, sent("ada", axis(7)), accept=["far_from_subject"])
    assert (twin.status_code, old_photo.status_code) == (201, 201)


def test_a_key_that_may_not_read_does_not_learn_whose_face_it_is(
    api: APIClient, staff: Collection, caller: Caller, key: tuple[ApiKey, str]
) -> None:
    enrolled(staff, caller, "ada", axis(0))
    ApiKey.objects.filter(pk=key[0].pk).update(scopes=[Scope.IDENTIFY])
    answer = enrol(api, staff, sent("bob", axis(0)))
    assert error_of(answer) == (409, "belongs_to_another")
    assert "ada" not in answer.content.decode()


def test_vectors_of_another_model_are_refused(api: APIClient, staff: Collection) -> None:
    body = {"model": "cd" * 32, "faces": [sent("ada", axis(0))]}
    assert error_of(api.post(f"{URL}/{staff.pk}/vectors", body)) == (422, "other_model")
    assert EnrolledFace.objects.count() == 0


def test_an_enrolment_sent_twice_with_one_key_is_done_once_and_its_answer_goes_with_the_face(
    api: APIClient, staff: Collection
) -> None:
    body = {"model": MODEL.sha256, "faces": [sent("ada", axis(0))]}
    answers = [api.post(f"{URL}/{staff.pk}/vectors", body, HTTP_IDEMPOTENCY_KEY="k1") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert (EnrolledFace.objects.count(), IdempotentRequest.objects.count()) == (1, 1)
    assert api.delete(f"{URL}/{staff.pk}/faces/{answers[0].json()['faces'][0]['id']}").status_code == 204
    assert (EnrolledFace.objects.count(), IdempotentRequest.objects.count()) == (0, 0)


def test_a_collection_created_twice_with_one_key_is_created_once_and_its_answer_goes_with_it(
    api: APIClient, caller: Caller
) -> None:
    answers = [api.post(URL, {"name": "staff"}, HTTP_IDEMPOTENCY_KEY="k2") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert (Collection.objects.count(), IdempotentRequest.objects.count()) == (1, 1)
    assert api.delete(f"{URL}/{answers[0].json()['id']}").status_code == 204
    assert (Collection.objects.count(), IdempotentRequest.objects.count()) == (0, 0)


@pytest.mark.usefixtures("caller")
def test_a_collection_deleted_during_the_request_is_not_found(
    api: APIClient, staff: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = Comparison.compare_each_other

    def deleted_first(comparison: Comparison) -> None:
        Collection.objects.filter(pk=staff.pk).delete()
        compare(comparison)

    monkeypatch.setattr(Comparison, "compare_each_other", deleted_first)
    assert error_of(enrol(api, staff, sent("ada", axis(0)))) == (404, "not_found")


def test_a_face_that_others_enrol_during_the_comparison_is_compared_with(
    api: APIClient, staff: Collection, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another collection's face has a higher key, but was committed before."""
    (newer,) = enrolled(made_collection(caller, "other"), caller, "bob", axis(9))
    EnrolledFace.objects.filter(pk=newer.pk).update(id=10**6)
    compare = Comparison.compare_stored

    def enrolled_after(comparison: Comparison, collection: Collection) -> None:
        compare(comparison, collection)
        monkeypatch.setattr(Comparison, "compare_stored", compare)
        (face,) = enrolled(staff, caller, "ada", axis(0))
        moved = EnrolledFace.objects.get(pk=face.pk)
        EnrolledFace.objects.filter(pk=face.pk).delete()
        moved.pk = 10**6 - 1
        moved.save(force_insert=True)

    monkeypatch.setattr(Comparison, "compare_stored", enrolled_after)
    assert error_of(enrol(api, staff, sent("ada", axis(0)))) == (409, "already_enrolled")


def test_a_subject_in_an_address_is_read_as_when_it_is_enrolled(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    enrolled(staff, caller, "ada", axis(0))
    assert error_of(api.delete(f"{URL}/{staff.pk}/subjects/a%00")) == (400, "invalid_request")
    assert api.delete(f"{URL}/{staff.pk}/subjects/%20ada%20").status_code == 204


def test_a_person_is_removed_from_one_collection(api: APIClient, staff: Collection, caller: Caller) -> None:
    enrolled(staff, caller, "ada", axis(0), near(0, 0.8, away=1))
    enrolled(staff, caller, "bob", axis(2))
    assert api.delete(f"{URL}/{staff.pk}/subjects/ada").status_code == 204
    assert list(EnrolledFace.objects.values_list("subject", flat=True)) == ["bob"]
    assert error_of(api.delete(f"{URL}/{staff.pk}/subjects/ada")) == (404, "not_found")


def test_erasing_a_subject_removes_their_faces_from_every_collection_with_the_count(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    visitors, foreign = made_collection(caller), Caller(api_key=api_key_create("another")[0])
    enrolled(staff, caller, "ada", axis(0), near(0, 0.8, away=1))
    enrolled(visitors, caller, "ada", axis(0))
    enrolled(visitors, caller, "bob", axis(2))
    enrolled(made_collection(foreign), foreign, "ada", axis(0))
    exported = json.loads(streamed(api.get("/api/v1/subjects/ada/export")))["enrolled_faces"]
    assert [face["collection"] for face in exported] == [str(staff.pk)] * 2 + [str(visitors.pk)]
    assert exported[0]["embedding"] == axis(0).tolist()
    receipt = api.post("/api/v1/subjects/ada/erase", {}).json()["receipt"]
    assert receipt["deleted"]["enrolled_faces"] == 3
    assert sorted(EnrolledFace.objects.values_list("subject", flat=True)) == ["ada", "bob"]
    assert served_index().count(staff.pk) == 0
    assert error_of(api.post("/api/v1/subjects/ada/erase", {})) == (404, "not_found")


def test_where_identity_is_off_nothing_is_answered(api: APIClient, staff: Collection, settings: Settings) -> None:
    settings.XCLOUD_IDENTITY = False
    for path in (URL, f"{URL}/{staff.pk}", f"{URL}/{staff.pk}/faces"):
        assert error_of(api.get(path)) == (403, "identity_off")


def test_vectors_sealed_with_another_secret_are_an_error_of_their_own(
    api: APIClient, staff: Collection, caller: Caller, settings: Settings
) -> None:
    enrolled(staff, caller, "ada", axis(0))
    settings.SECRET_KEY = "another"
    served_index.cache_clear()
    served._seen.clear()
    assert error_of(enrol(api, staff, sent("bob", axis(1)))) == (500, "vectors_unreadable")


@pytest.mark.usefixtures("caller")
def test_an_empty_collection_is_not_searched(api: APIClient, staff: Collection, empty_scene: bytes) -> None:
    image = base64.b64encode(empty_scene).decode()
    assert error_of(api.post(f"{URL}/{staff.pk}/search", {"image": image})) == (409, "empty_collection")
    assert error_of(api.post(f"{URL}/{staff.pk}/verify", {"image": image, "subject": "ada"})) == (404, "not_found")


def test_people_are_found_in_a_group_photo_and_unknown_once_they_are_erased(
    api: APIClient,
    caller: Caller,
    grace_hopper: bytes,
    astronaut: bytes,
    two_faces: bytes,
    empty_scene: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the model in service, from the first enrolment to the receipt."""
    made = api.post(URL, {"name": "navy and NASA"}).json()
    here = f"{URL}/{made['id']}"
    hopper, collins, group, nobody = (
        base64.b64encode(data).decode() for data in (grace_hopper, astronaut, two_faces, empty_scene)
    )
    face = api.post(f"{here}/faces", {"image": hopper, "subject": "hopper", "consent": "public domain"}).json()["faces"]
    assert api.post(f"{here}/faces", {"image": collins, "subject": "collins"}).status_code == 201
    assert face[0]["quality"] > 0.3
    for image, subject, expected in [
        (nobody, "eve", (422, "no_face")),
        (group, "eve", (422, "several_faces")),
        (hopper, "hopper", (409, "already_enrolled")),
        (hopper, "collins", (409, "belongs_to_another")),
    ]:
        assert error_of(api.post(f"{here}/faces", {"image": image, "subject": subject})) == expected
    found = api.post(f"{here}/search", {"image": group}).json()
    assert [searched["match"]["subject"] for searched in found["faces"]] == ["hopper", "collins"]
    assert all(searched["match"]["similarity"] > 0.7 for searched in found["faces"])
    assert all(searched["match"]["probability"] > 0.99 for searched in found["faces"])
    assert (found["enrolled"], found["threshold"]) == (2, pytest.approx(served_odds().threshold(1e-3, 2), abs=1e-3))
    same = [
        api.post(f"{here}/verify", {"image": hopper, "subject": name}).json()["same"] for name in ("hopper", "collins")
    ]
    assert same == [True, False]
    with monkeypatch.context() as patched:
        patched.setattr("cv.identity.faces.LOW_QUALITY", 1.1)
        doubted = api.post(f"{here}/verify", {"image": hopper, "subject": "hopper"}).json()
    assert (doubted["same"], doubted["doubts"], doubted["similarity"] > 0.9) == (None, ["low_quality"], True)
    assert api.post("/api/v1/subjects/hopper/erase", {}).json()["receipt"]["deleted"]["enrolled_faces"] == 1
    found = api.post(f"{here}/search", {"image": group}).json()["faces"]
    assert [searched["unknown"] for searched in found] == [True, False]
    assert found[0]["candidates"] == []
    actions = AuditEvent.objects.filter(action="collection.search").values_list("objects_named", "count")
    assert list(actions) == [([made["id"]], 2)] * 2


def ungrouped(name: str, vector: Any, **said: Any) -> dict[str, Any]:
    return {"name": name, "embedding": [float(value) for value in vector], **said}


def group(api: APIClient, collection: Collection, *faces: dict[str, Any], **options: Any) -> Any:
    return api.post(f"{URL}/{collection.pk}/groups", {"model": MODEL.sha256, "faces": list(faces), **options})


def test_faces_that_are_nobodys_yet_are_grouped_and_others_are_named(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    enrolled(staff, caller, "ada", axis(0))
    faces = [
        ungrouped("a", near(0, 0.9, away=9)),
        ungrouped("b", axis(1), quality=0.4),
        ungrouped("c", near(1, 0.9, away=8), quality=0.7),
        ungrouped("d", axis(2)),
    ]
    answer = group(api, staff, *faces).json()
    assert [(face["name"], face["match"]["subject"]) for face in answer["known"]] == [("a", "ada")]
    assert [(found["faces"], found["best"]) for found in answer["groups"]] == [(["b", "c"], "c"), (["d"], "d")]
    # Split by names, and kept apart by a pair.
    split = [faces[1] | {"group": "x"}, faces[2] | {"group": "y"}]
    assert [found["group"] for found in group(api, staff, *split).json()["groups"]] == ["x", "y"]
    apart = group(api, staff, *faces[1:3], apart=[["b", "c"]]).json()["groups"]
    assert [found["faces"] for found in apart] == [["b"], ["c"]]


@pytest.mark.parametrize(
    ("faces", "options", "expected"),
    [
        ([ungrouped("a", axis(0)), ungrouped("a", axis(1))], {}, (400, "invalid_request")),
        ([ungrouped("a", axis(0)), ungrouped("b", axis(1)[:64])], {}, (400, "invalid_request")),
        ([ungrouped("a", axis(0))], {"apart": [["a", "z"]]}, (400, "invalid_request")),
        ([ungrouped("a", axis(0)[:64])], {}, (422, "other_model")),
        ([ungrouped("a", axis(0))], {"model": "cd" * 32}, (422, "other_model")),
        ([ungrouped("a", [1.0])] * 10_001, {}, (413, "enrolment_too_large")),
    ],
)
def test_faces_that_cannot_be_grouped_are_refused(
    api: APIClient, staff: Collection, faces: list[Any], options: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert error_of(group(api, staff, *faces, **options)) == expected
