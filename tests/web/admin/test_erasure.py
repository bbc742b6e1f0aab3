"""The admin's question before subjects are erased, from the list of analyses and from that of enrolled faces."""

from html import unescape

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from cv.choices import AuditAction
from cv.models import Analysis, AuditEvent, EnrolledFace
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis
from tests.vectors import axis, enrolled, made_collection, near

pytestmark = pytest.mark.usefixtures("identity")
ANALYSES, ENROLLED = "/admin/cv/analysis/", "/admin/cv/enrolledface/"


def staff(role: str) -> Client:
    person = User.objects.create_user(role, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def faces(caller: Caller) -> list[EnrolledFace]:
    """Two of Ada, who has an analysis, too, and one of Bob, who has none."""
    collection = made_collection(caller, "staff")
    stored_analysis(caller, face_result(), subject="ada")
    two = enrolled(collection, caller, "ada", axis(0), near(0, 0.8, away=1))
    return two + enrolled(collection, caller, "bob", axis(2))


def test_the_question_counts_analyses_jobs_and_faces_in_collections(faces: list[EnrolledFace]) -> None:
    chosen = {"action": "erase_subjects", "_selected_action": [str(Analysis.objects.get().pk)]}
    page = staff("operator").post(ANALYSES, chosen)
    assert page.context["found"] == [("ada", 1, 0, 2)]
    assert '<th scope="row">ada</th><td>1</td><td>0</td><td>2</td>' in page.content.decode()


def test_a_subject_with_faces_in_collections_alone_is_found_and_erased(faces: list[EnrolledFace]) -> None:
    operator = staff("operator")
    assert "bob" in operator.get(f"{ENROLLED}?q=bob").content.decode()
    assert "ada" not in operator.get(f"{ENROLLED}?q=bob").content.decode()
    chosen = {"action": "erase_subjects", "_selected_action": [str(faces[-1].pk)]}
    page = operator.post(f"{ENROLLED}?q=bob", chosen)
    assert page.context["found"] == [("bob", 0, 0, 1)]
    assert f'<a href="{ENROLLED}?q=bob">Keep everything</a>' in unescape(page.content.decode())
    done = operator.post(ENROLLED, {**chosen, "confirmed": "yes", "subjects": '["bob"]'})
    (outcome,) = done.context["outcomes"]
    assert outcome.receipt["receipt"]["deleted"]["enrolled_faces"] == 1
    assert set(EnrolledFace.objects.values_list("subject", flat=True)) == {"ada"}


def test_enrolled_faces_are_shown_without_vectors_to_those_who_may_erase_and_it_is_audited(
    faces: list[EnrolledFace],
) -> None:
    operator = staff("operator")
    assert operator.get(ENROLLED).status_code == 200
    event = AuditEvent.objects.filter(action=AuditAction.COLLECTION_READ).get()
    assert event.objects_named == [str(faces[0].collection_id)]
    detail = operator.get(f"{ENROLLED}{faces[0].pk}/change/")
    assert (detail.status_code, "vector" in detail.content.decode().lower()) == (200, False)
    assert operator.post(f"{ENROLLED}{faces[0].pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff("viewer").get(ENROLLED).status_code == 403
