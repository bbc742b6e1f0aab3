"""The admin's lists of collections and of groups of unknown faces: counts, and deleting through the services."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cv.choices import AuditAction
from cv.models import AuditEvent, Collection, EnrolledFace, FaceGroup, FaceVector, GroupedFace, NotThisPerson
from cv.search.base import SearchUnavailable
from cv.selectors import face_vectors
from cv.services.groups import face_reject, faces_group
from cv.trust.caller import Caller
from tests.api.test_unknown import analysed
from tests.vectors import axis, enrolled, made_collection, near
from tests.web.admin.test_erasure import staff

pytestmark = pytest.mark.usefixtures("identity")
COLLECTIONS, GROUPS = "/admin/cv/collection/", "/admin/cv/facegroup/"


@pytest.fixture
def crew(caller: Caller) -> Collection:
    """Two people with three faces, and a group of two unknown faces."""
    collection = made_collection(caller, "crew")
    enrolled(collection, caller, "ada", axis(0), near(0, 0.8, away=1))
    enrolled(collection, caller, "b&b", axis(2))
    for vector in (axis(5), near(5, 0.9, away=6)):
        analysed(caller, vector)
    faces_group(collection, face_vectors(caller, collection), caller)
    return collection


def test_collections_are_counted_and_lead_to_the_faces_of_each_person(crew: Collection) -> None:
    operator = staff("operator")
    page = operator.get(f"{COLLECTIONS}?q=cre")
    (row,) = page.context["cl"].result_list
    assert (row.face_count, row.subject_count, row.group_count) == (3, 2, 1)
    detail = operator.get(f"{COLLECTIONS}{crew.pk}/change/").content.decode()
    assert '<a href="/admin/cv/enrolledface/?q=b%26b">b&amp;b</a> (1)' in detail
    events = AuditEvent.objects.filter(action=AuditAction.COLLECTION_READ).values_list("objects_named", flat=True)
    assert list(events) == [[str(crew.pk)]] * 2
    assert operator.post(f"{COLLECTIONS}{crew.pk}/change/", {"name": "x"}).status_code == 403
    assert operator.get(f"{COLLECTIONS}add/").status_code == 403
    assert staff("viewer").get(COLLECTIONS).status_code == 403


def test_many_collections_take_as_many_queries_as_one(crew: Collection, caller: Caller) -> None:
    operator = staff("operator")

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            operator.get(COLLECTIONS)
        return len(context)

    with_one = queries()
    for _ in range(5):
        made_collection(caller)
    assert queries() == with_one


def test_a_collection_is_deleted_with_its_faces_and_index_and_audited(
    crew: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, delete = staff("operator"), f"{COLLECTIONS}{crew.pk}/delete/"
    asked = operator.get(delete).content.decode()
    assert "crew" in asked
    with monkeypatch.context() as patched:
        patched.setattr("cv.services.collections.drop_index", away)
        told = operator.post(delete, {"post": "yes"}, follow=True).content.decode()
    assert "Milvus does not answer" in told
    assert EnrolledFace.objects.count() == 3
    assert operator.post(delete, {"post": "yes"}).status_code == 302
    assert (Collection.objects.count(), EnrolledFace.objects.count(), FaceGroup.objects.count()) == (0, 0, 0)
    event = AuditEvent.objects.get(action=AuditAction.COLLECTION_DELETE)
    assert event.objects_named == [str(crew.pk)]


def away(*_: object) -> None:
    raise SearchUnavailable("Milvus does not answer; try again")


def test_a_group_is_shown_with_its_analyses_and_deleted_so_that_its_faces_can_be_grouped_again(
    crew: Collection, caller: Caller
) -> None:
    operator, group = staff("operator"), FaceGroup.objects.get()
    assert "crew" in operator.get(f"{GROUPS}?q={crew.pk}").content.decode()
    detail = operator.get(f"{GROUPS}{group.pk}/change/").content.decode()
    for vector in FaceVector.objects.select_related("face"):
        assert f"/admin/cv/analysis/{vector.face.analysis_id}/change/" in detail
    face_reject(group, FaceVector.objects.all()[0], caller)
    assert operator.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"}).status_code == 302
    assert (FaceGroup.objects.count(), GroupedFace.objects.count(), NotThisPerson.objects.count()) == (0, 0, 0)
    assert faces_group(crew, face_vectors(caller, crew), caller).new_groups == 1
