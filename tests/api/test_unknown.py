"""People whom a collection does not know: faces of analyses in groups, which people name, merge, split and reject."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.choices import AuditAction, Source
from cv.engine.types import Box, Estimate, FaceResult, ModelRun, Quality, Vector
from cv.models import Analysis, ApiKey, AuditEvent, Collection, EnrolledFace, FaceGroup, FaceVector, NotThisPerson
from cv.search.base import Vectors
from cv.services import AnalysisRequest, StoreOptions, analysis_reanalyse, analysis_save
from cv.services.analyses import AnalysisOptions
from cv.services.face_vectors import vectors_of
from cv.trust.caller import Caller
from tests.factories import ALL_ATTRIBUTES, RUN, analysis_result, face_result, stored_analysis, streamed
from tests.vectors import DIMENSIONS, MODEL, axis, enrolled, made_collection, near

pytestmark = pytest.mark.usefixtures("identity")

EMBEDDER = ModelRun(MODEL.name, MODEL.version, MODEL.sha256, 1.0, frozenset({"embedding"}))


def face_with(vector: Vectors, index: int = 0, **changes: Any) -> FaceResult:
    answers = {**ALL_ATTRIBUTES, "embedding": Vector(tuple(map(float, vector)))}
    return face_result(index, attributes=answers, **changes)


def analysed(caller: Caller, *vectors: Vectors, subject: str = "") -> Analysis:
    """An analysis whose faces have these vectors."""
    faces = [face_with(vector, index) for index, vector in enumerate(vectors)]
    asked = AnalysisOptions(attributes=frozenset({*ALL_ATTRIBUTES, "embedding"}))
    request = AnalysisRequest(b"", Source.UPLOAD, asked, StoreOptions(subject=subject))
    return analysis_save(analysis_result(*faces, models=(RUN, EMBEDDER)), request, caller)


def url(collection: Collection, *rest: object) -> str:
    return "/".join(["/api/v1/collections", str(collection.pk), "unknown", *map(str, rest)])


def grouped(api: APIClient, collection: Collection, **which: Any) -> dict[str, int]:
    answer = api.post(url(collection), which)
    assert answer.status_code == 200, answer.content
    found: dict[str, int] = answer.json()
    return found


def groups(api: APIClient, collection: Collection) -> list[list[str]]:
    """The groups by the analyses of their faces."""
    return sorted(sorted(face["analysis"] for face in group["faces"]) for group in listed(api, collection))


def listed(api: APIClient, collection: Collection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(url(collection)).json()["results"]
    return found


def group_of(api: APIClient, collection: Collection, analysis: Analysis) -> str:
    """The id of the group that a face of the analysis is in."""
    (found,) = (g["id"] for g in listed(api, collection) if str(analysis.pk) in {f["analysis"] for f in g["faces"]})
    return str(found)


def ids(*analyses: Analysis) -> list[str]:
    return sorted(str(row.pk) for row in analyses)


def test_vectors_are_kept_sealed_and_in_no_answer(api: APIClient, caller: Caller) -> None:
    analysis = analysed(caller, near(0, 0.8, 1))
    row = FaceVector.objects.get()
    assert row.face.analysis == analysis
    assert row.model_sha256 == MODEL.sha256
    assert near(0, 0.8, 1).astype("<f2").tobytes() not in bytes(row.vector)
    assert float(vectors_of([row], DIMENSIONS)[0] @ near(0, 0.8, 1)) == pytest.approx(1, abs=1e-3)
    assert "embedding" not in json.dumps(api.get(f"/api/v1/analyses/{analysis.pk}").json())
    analysis.delete()
    assert not FaceVector.objects.exists()


def test_faces_that_are_nobodys_are_grouped_and_groups_stay_when_faces_come(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    enrolled(staff, caller, "ada", axis(9))
    one, two, other, known = (analysed(caller, v) for v in (axis(0), near(0, 0.8, 1), axis(2), near(9, 0.9, 3)))
    assert grouped(api, staff) == {"faces": 4, "known": 1, "new_groups": 2}
    before = {group["id"]: group["count"] for group in listed(api, staff)}
    assert groups(api, staff) == sorted([ids(one, two), ids(other)])
    assert str(known.pk) not in json.dumps(listed(api, staff))

    # As similar to both groups' faces as a bridge can be: it joins one, and merges nothing.
    bridge = analysed(caller, (axis(0) + axis(2)) / 2**0.5)
    assert grouped(api, staff)["new_groups"] == 0
    after = {group["id"]: group["count"] for group in listed(api, staff)}
    assert after.keys() == before.keys()
    assert sorted(after.values()) in ([1, 3], [2, 2])
    assert str(bridge.pk) in json.dumps(listed(api, staff))


def test_only_the_faces_of_a_job_and_of_the_caller_are_grouped(
    api: APIClient, staff: Collection, caller: Caller, key: tuple[ApiKey, str]
) -> None:
    analysed(Caller(api_key=ApiKey.objects.create(name="other", prefix="zz", sha256="00")), axis(0))
    assert grouped(api, staff) == {"faces": 0, "known": 0, "new_groups": 0}
    assert api.post(url(staff), {"job": "00000000-0000-0000-0000-000000000000"}).status_code == 404


def test_a_named_group_is_enrolled_and_then_known(api: APIClient, staff: Collection, caller: Caller) -> None:
    one, _, _ = (analysed(caller, v) for v in (axis(0), near(0, 0.8, 1), near(0, 0.8, 2)))
    grouped(api, staff)
    answer = api.post(url(staff, group_of(api, staff, one), "name"), {"subject": "ada", "consent": "signed"})
    assert answer.status_code == 201
    assert [(face["subject"], face["consent"]) for face in answer.json()["faces"]] == [("ada", "signed")] * 3
    assert EnrolledFace.objects.count() == 3
    assert listed(api, staff) == []
    # The faces are somebody's now.
    assert grouped(api, staff) == {"faces": 3, "known": 3, "new_groups": 0}


def test_a_face_that_is_not_this_person_never_joins_the_group_or_its_name_again(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    one, two, wrong = (analysed(caller, v) for v in (axis(0), near(0, 0.9, 1), near(0, 0.8, 2)))
    grouped(api, staff)
    group = group_of(api, staff, one)
    assert api.post(url(staff, group, "reject"), {"face": {"analysis": wrong.pk, "index": 0}}).status_code == 204
    assert groups(api, staff) == [ids(one, two)]
    grouped(api, staff)
    assert groups(api, staff) == sorted([ids(one, two), ids(wrong)])

    api.post(url(staff, group, "name"), {"subject": "ada"})
    assert NotThisPerson.objects.get().subject == "ada"
    FaceGroup.objects.all().delete()
    assert grouped(api, staff)["known"] == 2
    assert groups(api, staff) == [ids(wrong)]


def test_groups_are_merged_and_split_for_good(api: APIClient, staff: Collection, caller: Caller) -> None:
    one, two, other = (analysed(caller, v) for v in (axis(0), near(0, 0.9, 1), axis(2)))
    grouped(api, staff)
    merged = api.post(url(staff, group_of(api, staff, one), "merge"), {"group": group_of(api, staff, other)})
    assert merged.status_code == 204
    assert groups(api, staff) == [ids(one, two, other)]

    split = {"faces": [{"analysis": two.pk, "index": 0}]}
    answer = api.post(url(staff, group_of(api, staff, one), "split"), split)
    assert answer.status_code == 201
    assert answer.json()["group"] == group_of(api, staff, two)
    grouped(api, staff)
    assert groups(api, staff) == sorted([ids(one, other), ids(two)])


def test_faces_that_the_group_does_not_have_are_refused(api: APIClient, staff: Collection, caller: Caller) -> None:
    one, other = analysed(caller, axis(0)), analysed(caller, axis(2))
    grouped(api, staff)
    group, strange = group_of(api, staff, one), {"analysis": other.pk, "index": 0}
    for change, body in (("reject", {"face": strange}), ("split", {"faces": [strange]}), ("merge", {"group": group})):
        answer = api.post(url(staff, group, change), body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_in_group")
    assert groups(api, staff) == sorted([ids(one), ids(other)])


def test_someone_elses_group_is_not_there(api: APIClient, staff: Collection, caller: Caller) -> None:
    stranger = made_collection(Caller(api_key=ApiKey.objects.create(name="other", prefix="zz", sha256="00")))
    group = FaceGroup.objects.create(collection=stranger)
    assert api.get(url(stranger)).status_code == 404
    assert api.post(url(staff, group.pk, "name"), {"subject": "ada"}).status_code == 404


def test_erasing_a_subject_removes_vectors_memberships_and_negatives_with_the_count(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    analysed(caller, axis(0), axis(1), subject="ada")
    one, wrong = analysed(caller, axis(2)), analysed(caller, near(2, 0.8, 3))
    grouped(api, staff)
    group = group_of(api, staff, one)
    api.post(url(staff, group, "reject"), {"face": {"analysis": wrong.pk, "index": 0}})
    api.post(url(staff, group, "name"), {"subject": "ada"})
    receipt = api.post("/api/v1/subjects/ada/erase").json()["receipt"]
    counted = ("vectors", "enrolled_faces", "group_memberships", "negatives")
    assert [receipt["deleted"][name] for name in counted] == [2, 1, 2, 1]
    assert not NotThisPerson.objects.exists()
    assert FaceVector.objects.count() == 2
    assert grouped(api, staff)["known"] == 0


def test_a_subject_of_whom_only_negatives_are_left_is_exported_and_erased(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    one, wrong = analysed(caller, axis(2)), analysed(caller, near(2, 0.8, 3))
    grouped(api, staff)
    group = group_of(api, staff, one)
    api.post(url(staff, group, "reject"), {"face": {"analysis": wrong.pk, "index": 0}})
    (face,) = api.post(url(staff, group, "name"), {"subject": "ada"}).json()["faces"]
    assert api.delete(f"/api/v1/collections/{staff.pk}/faces/{face['id']}").status_code == 204
    assert json.loads(streamed(api.get("/api/v1/subjects/ada/export")))["not_this_person"]
    assert api.post("/api/v1/subjects/ada/erase").json()["receipt"]["deleted"]["negatives"] == 1
    assert not NotThisPerson.objects.exists()
    assert AuditEvent.objects.filter(action=AuditAction.SUBJECT_ERASE).count() == 1
    assert api.post("/api/v1/subjects/ada/erase").status_code == 404


def test_an_export_has_the_vectors_that_were_kept_and_reads_them_in_one_query(api: APIClient, caller: Caller) -> None:
    def exported() -> tuple[list[dict[str, Any]], int]:
        with CaptureQueriesContext(connection) as context:
            answer = api.get("/api/v1/subjects/ada/export")
        return json.loads(streamed(answer))["analyses"], len(context)

    analysed(caller, axis(0), near(1, 0.8, 2), subject="ada")
    exported()  # The first request of a key also notes that it was used.
    _, with_one = exported()
    stored_analysis(caller, face_result(), subject="ada")
    analysed(caller, axis(0), subject="ada")
    analyses, with_three = exported()
    assert with_three == with_one
    assert [len(held["vectors"]) for held in analyses] == [2, 0, 1]
    first, second = analyses[0]["vectors"]
    nowhere = {"doubts": [], "groups": [], "not_this_person": []}
    assert first == {"face": 0, "model_sha256": MODEL.sha256, "embedding": axis(0).tolist(), **nowhere}
    assert second["face"] == 1
    assert second["embedding"] == pytest.approx(near(1, 0.8, 2).tolist(), abs=1e-3)


def test_an_export_has_the_groups_of_a_face_and_what_was_said_against_it(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    """Ada's face is in a group; Bob's name was refused to a face of an analysis of nobody's, and Ada's to Bob's."""
    ada, bob, like_bob = (
        analysed(caller, axis(0), subject="ada"),
        analysed(caller, axis(2), subject="bob"),
        near(2, 0.8, 3),
    )
    other = analysed(caller, like_bob)
    grouped(api, staff)
    group = group_of(api, staff, bob)
    api.post(url(staff, group, "reject"), {"face": {"analysis": other.pk, "index": 0}})

    def exported(subject: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(streamed(api.get(f"/api/v1/subjects/{subject}/export")))
        return document

    (vector,) = exported("ada")["analyses"][0]["vectors"]
    assert vector["groups"] == [{"collection": str(staff.pk), "group": group_of(api, staff, ada)}]
    (vector,) = exported("bob")["analyses"][0]["vectors"]
    assert (vector["groups"], vector["not_this_person"]) == ([{"collection": str(staff.pk), "group": group}], [])
    Analysis.objects.filter(pk=other.pk).update(subject="cleo")
    (vector,) = exported("cleo")["analyses"][0]["vectors"]
    assert vector["groups"] == []
    assert vector["not_this_person"] == [{"collection": str(staff.pk), "group": group, "subject": ""}]
    api.post(url(staff, group, "name"), {"subject": "bob"})
    (vector,) = exported("cleo")["analyses"][0]["vectors"]
    assert vector["not_this_person"] == [{"collection": str(staff.pk), "group": None, "subject": "bob"}]
    said = {"collection": str(staff.pk), "analysis": str(other.pk), "face": 0}
    assert exported("bob")["not_this_person"] == [said]


CHILD = {**ALL_ATTRIBUTES, "age": Estimate(6.0, (3.0, 9.0), None, 0.85)}
POOR = Quality(0.1, ())


def doubted(caller: Caller, vector: Vectors, **changes: Any) -> Analysis:
    """An analysis that was asked for vectors only; the age was computed for the doubt."""
    answers = {**changes.pop("attributes", ALL_ATTRIBUTES), "embedding": Vector(tuple(map(float, vector)))}
    request = AnalysisRequest(b"", Source.UPLOAD, AnalysisOptions(attributes=frozenset({"gender", "embedding"})))
    face = face_result(attributes=answers, **changes)
    return analysis_save(analysis_result(face, models=(RUN, EMBEDDER)), request, caller)


def test_faces_in_doubt_are_marked_and_not_enrolled_unless_that_is_accepted(
    api: APIClient, staff: Collection, caller: Caller
) -> None:
    child, poor = doubted(caller, near(0, 0.9, 1), attributes=CHILD), doubted(caller, near(0, 0.9, 2), quality=POOR)
    # The age was computed for the doubt alone, so it is not kept.
    assert api.get(f"/api/v1/analyses/{child.pk}").json()["faces"][0]["attributes"].keys().isdisjoint({"age"})
    grouped(api, staff)
    (group,) = listed(api, staff)
    assert {face["analysis"]: face["doubts"] for face in group["faces"]} == {
        str(child.pk): ["child"],
        str(poor.pk): ["low_quality"],
    }
    refused = api.post(url(staff, group["id"], "name"), {"subject": "ada"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "doubtful_faces")
    assert refused.json()["error"]["details"]["doubts"] == ["child", "low_quality"]
    assert EnrolledFace.objects.count() == 0
    sure = doubted(caller, axis(0))
    grouped(api, staff)
    named = api.post(url(staff, group["id"], "name"), {"subject": "ada", "accept": ["low_quality"]})
    assert named.status_code == 201
    assert EnrolledFace.objects.count() == 2
    assert set(EnrolledFace.objects.values_list("image_sha256", flat=True)) == {sure.image_sha256}
    assert listed(api, staff) == []


def analyzed_again(
    monkeypatch: pytest.MonkeyPatch, analysis: Analysis, caller: Caller, *faces: FaceResult, models: Any = (RUN,)
) -> None:
    """Analyzes the analysis again, with these faces as the engine's answer."""
    monkeypatch.setattr("cv.services.analyses.kept_picture", lambda _: b"a picture")
    monkeypatch.setattr("cv.services.analyses.analyzed", lambda *_: analysis_result(*faces, models=models))
    analysis_reanalyse(analysis, caller)


@pytest.mark.parametrize("made_again", [True, False])
def test_vectors_groups_and_negatives_move_with_the_face_when_its_picture_is_analyzed_again(
    api: APIClient, staff: Collection, caller: Caller, monkeypatch: pytest.MonkeyPatch, made_again: bool
) -> None:
    """Whether the vector is made again or not: while identity is off, it is not."""
    one, two, wrong = (analysed(caller, v) for v in (axis(0), near(0, 0.9, 1), near(0, 0.8, 2)))
    grouped(api, staff)
    group = group_of(api, staff, one)
    api.post(url(staff, group, "reject"), {"face": {"analysis": wrong.pk, "index": 0}})
    for analysis, vector in ((one, axis(0)), (wrong, near(0, 0.8, 2))):
        shifted = Box(20.0, 30.0, 100.0, 120.0)
        larger = face_result(0, box=Box(300.0, 20.0, 200.0, 240.0))
        face = face_with(vector, 1, box=shifted) if made_again else face_result(1, box=shifted)
        models = (RUN, EMBEDDER) if made_again else (RUN,)
        faces = [face_with(axis(7), 0, box=larger.box) if made_again else larger, face]
        analyzed_again(monkeypatch, analysis, caller, *faces, models=models)
    assert group_of(api, staff, one) == group
    assert groups(api, staff) == [ids(one, two)]
    (negative,) = NotThisPerson.objects.all()
    assert (negative.vector.face.analysis, negative.vector.face.index, str(negative.group_id)) == (wrong, 1, group)
    kept = FaceVector.objects.get(face__analysis=one, face__index=1)
    assert float(vectors_of([kept], DIMENSIONS)[0] @ axis(0)) == pytest.approx(1, abs=1e-3)
    assert FaceVector.objects.filter(face__analysis=one).count() == 1 + made_again


def test_a_face_elsewhere_or_a_vector_of_another_model_leaves_its_group(
    api: APIClient, staff: Collection, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, stays = (analysed(caller, v) for v in (axis(0), near(0, 0.9, 1), near(0, 0.9, 2)))
    grouped(api, staff)
    elsewhere = face_result(0, box=Box(300.0, 20.0, 100.0, 120.0))
    analyzed_again(monkeypatch, one, caller, elsewhere)
    newer = ModelRun("newer", "2", "ef" * 32, 1.0, frozenset({"embedding"}))
    analyzed_again(monkeypatch, two, caller, face_with(axis(5)), models=(RUN, newer))
    assert groups(api, staff) == [ids(stays)]
    assert not FaceVector.objects.filter(face__analysis=one).exists()
    assert FaceVector.objects.get(face__analysis=two).model_sha256 == "ef" * 32


def test_a_key_without_the_scope_keeps_no_vectors(
    api: APIClient, key: tuple[ApiKey, str], astronaut: bytes, settings: Settings
) -> None:
    answer = api.post("/api/v1/analyses", {"image": "aGVsbG8=", "store": {"vectors": True}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "identify" in answer.json()["error"]["message"]
