"""What each of the staff's roles may and may not do."""

import base64
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from cv.choices import AuditAction
from cv.models import Analysis, ApiKey, AuditEvent
from cv.services.roles import ROLES, roles_ensure
from cv.serving.gate import EngineGate, Overloaded
from cv.tables import table_columns
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis

pytestmark = pytest.mark.usefixtures("db")
ANALYSES = "/admin/cv/analysis/"


def staff(role: str) -> Client:
    person = User.objects.create_user(role, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person)
    return client


def chosen(action: str, *analyses: Analysis, **more: str) -> dict[str, object]:
    return {"action": action, "_selected_action": [str(analysis.pk) for analysis in analyses], **more}


def test_the_roles_are_there_after_migrating_and_a_changed_one_is_left_alone() -> None:
    assert set(ROLES) <= set(Group.objects.values_list("name", flat=True))
    for name, codenames in ROLES.items():
        held = Group.objects.get(name=name).permissions.values_list("codename", flat=True)
        assert set(held) == set(codenames)
    Group.objects.get(name="viewer").permissions.clear()
    roles_ensure()
    assert not Group.objects.get(name="viewer").permissions.exists()


@pytest.mark.parametrize(
    ("role", "allowed", "forbidden"),
    [
        ("viewer", ["analysis", "face"], ["apikey", "auditevent", "webhook", "webhookdelivery"]),
        ("operator", ["analysis", "face", "apikey", "auditevent", "webhook", "webhookdelivery"], []),
        ("admin", ["analysis", "face", "apikey", "auditevent", "webhook", "webhookdelivery"], []),
    ],
)
def test_a_role_sees_its_lists_and_no_others(role: str, allowed: list[str], forbidden: list[str]) -> None:
    client = staff(role)
    assert [client.get(f"/admin/cv/{name}/").status_code for name in allowed] == [200] * len(allowed)
    assert [client.get(f"/admin/cv/{name}/").status_code for name in forbidden] == [403] * len(forbidden)
    people = {"viewer": 403, "operator": 403, "admin": 200}
    assert client.get("/admin/auth/user/").status_code == people[role]


def test_staff_without_a_role_see_nothing_of_anyone(caller: Caller) -> None:
    stored_analysis(caller, face_result(), subject="visitor 17")
    client = Client()
    client.force_login(User.objects.create_user("new", is_staff=True))
    assert "board-tiles" not in client.get("/admin/").content.decode()
    assert client.get(ANALYSES).status_code == 403


def test_a_viewer_can_neither_delete_export_erase_nor_describe_again(caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result(), subject="visitor 17")
    client = staff("viewer")
    for action in ("export_json", "export_csv", "reanalyse", "erase_subjects", "delete_selected"):
        answer = client.post(ANALYSES, chosen(action, analysis, confirmed="yes", post="yes"))
        assert "Content-Disposition" not in answer
    assert client.post(f"{ANALYSES}{analysis.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Analysis.objects.count() == 1


def test_a_viewer_sees_no_keys_on_the_dashboard(caller: Caller) -> None:
    stored_analysis(caller)
    assert "Keys by use" not in staff("viewer").get("/admin/").content.decode()
    assert "Keys by use" in staff("operator").get("/admin/").content.decode()


def test_an_operator_cannot_manage_people() -> None:
    client = staff("operator")
    other = User.objects.create_user("other")
    assert client.get(f"/admin/auth/user/{other.pk}/change/").status_code == 403
    assert client.get("/admin/auth/group/").status_code == 403


def test_an_admin_cannot_become_a_superuser_nor_change_one() -> None:
    client = staff("admin")
    me = User.objects.get(username="admin")
    root = User.objects.create_superuser("root", password="x")
    form = {"username": "admin", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    client.post(f"/admin/auth/user/{me.pk}/change/", form)
    me.refresh_from_db()
    assert not me.is_superuser
    assert client.post(f"/admin/auth/user/{root.pk}/change/", form).status_code == 403
    assert client.get(f"/admin/auth/user/{root.pk}/password/").status_code == 403
    assert client.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_operator_exports_what_is_ticked(caller: Caller) -> None:
    wanted = stored_analysis(caller, face_result(), face_result(1), subject="=cmd()")
    stored_analysis(caller, face_result())
    client = staff("operator")
    held = json.loads(client.post(ANALYSES, chosen("export_json", wanted)).content)
    assert [row["id"] for row in held] == [str(wanted.pk)]
    assert held[0]["subject"] == "=cmd()"
    lines = client.post(ANALYSES, chosen("export_csv", wanted)).content.decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert lines[0] == ",".join(table_columns((), frozenset()))
    assert "'=cmd()" in lines[1]
    assert AuditEvent.objects.filter(action=AuditAction.SUBJECT_EXPORT).count() == 2


def receipts_in(page: str) -> list[Any]:
    """The receipts in the page's download link."""
    (data,) = re.findall(r'download="receipts.json" href="data:application/json;base64,([^"]+)"', page)
    receipts: list[Any] = json.loads(base64.b64decode(data))
    return receipts


def test_erasing_a_subject_asks_first_then_erases_everything_and_hands_out_a_receipt(
    caller: Caller, user: User, tmp_path: Path
) -> None:
    ticked = stored_analysis(caller, face_result(), subject="visitor 17")
    stored_analysis(Caller(user=user), subject="visitor 17")
    kept = stored_analysis(caller, subject="visitor 18")
    client = staff("operator")
    question = client.post(ANALYSES, chosen("erase_subjects", ticked)).content.decode()
    assert "visitor 17" in question
    assert "<td>2</td>" in question
    assert Analysis.objects.count() == 3
    page = client.post(ANALYSES, chosen("erase_subjects", ticked, confirmed="yes")).content.decode()
    assert list(Analysis.objects.all()) == [kept]
    # The page reports what was erased and does not ask again.
    assert "visitor 17" in page
    assert "is-danger" not in page
    (receipt,) = receipts_in(page)
    assert receipt["receipt"]["deleted"]["analyses"] == 2
    assert receipt["receipt"]["id"] in page
    file = tmp_path / "receipts.json"
    file.write_text(json.dumps([receipt]))
    call_command("verify_receipt", str(file))


def test_the_subjects_of_all_rows_are_erased_however_many_rows_there_are(caller: Caller) -> None:
    """An earlier version looked at the first thousand rows only. All rows but the last have the same subject."""
    template = stored_analysis(caller, subject="a")
    rows = Analysis.objects.bulk_create(
        Analysis(**{**Analysis.objects.filter(pk=template.pk).values().get(), "id": uuid4(), "subject": subject})
        for subject in ["a"] * 1000 + ["b"]
    )
    client = staff("operator")
    everything = chosen("erase_subjects", rows[0], select_across="1")
    question = client.post(ANALYSES, everything).content.decode()
    named = json.loads(unescape(re.findall(r'name="subjects" value="([^"]*)"', question)[0]))
    assert named == ["a", "b"]
    page = client.post(ANALYSES, {**everything, "confirmed": "yes", "subjects": json.dumps(named)}).content.decode()
    assert [receipt["receipt"]["deleted"]["analyses"] for receipt in receipts_in(page)] == [1001, 1]
    assert Analysis.objects.count() == 0


def test_too_many_subjects_are_refused_and_none_is_erased(caller: Caller) -> None:
    rows = [stored_analysis(caller, subject=f"visitor {number}") for number in range(4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("web.admin.erasure.ERASED_AT_ONCE", 3)
        asked = chosen("erase_subjects", *rows, confirmed="yes")
        page = staff("operator").post(ANALYSES, asked, follow=True).content.decode()
    assert "Nothing was erased: these have more than 3 subjects" in page
    assert Analysis.objects.count() == 4


def test_a_kept_picture_is_described_again_and_one_that_was_not_kept_is_counted(
    caller: Caller, empty_scene: bytes, pictures: Path
) -> None:
    kept = stored_analysis(caller, face_result(), data=empty_scene, image=True)
    without = stored_analysis(caller, face_result())
    answer = staff("operator").post(ANALYSES, chosen("reanalyse", kept, without), follow=True)
    assert "1 analyzed again, 1 without a kept picture" in answer.content.decode()
    kept.refresh_from_db()
    assert (kept.face_count, kept.model_name) == (0, "xcloud-attributes")


def test_describing_again_stands_in_line_with_all_other_images(
    caller: Caller, empty_scene: bytes, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [stored_analysis(caller, face_result(), data=empty_scene, image=True) for _ in range(2)]

    def no_place(*_: object) -> None:
        raise Overloaded("every place is taken")

    monkeypatch.setattr(EngineGate, "admitted", no_place)
    answer = staff("operator").post(ANALYSES, chosen("reanalyse", *kept), follow=True).content.decode()
    assert answer.count("every place is taken") == 1
    assert "0 analyzed again" in answer
    assert list(Analysis.objects.values_list("face_count", flat=True)) == [1, 1]


def test_the_detail_shows_every_box_over_the_picture(caller: Caller, empty_scene: bytes) -> None:
    kept = stored_analysis(caller, face_result(), face_result(1), data=empty_scene, image=True)
    page = staff("viewer").get(f"{ANALYSES}{kept.pk}/change/").content.decode()
    assert f'<image href="/admin/cv/analysis/{kept.pk}/picture"' in page
    assert page.count('<g class="overlay-face">') == 2
    assert 'x="10.5"' in page


def test_looking_is_written_down(caller: Caller) -> None:
    analysis = stored_analysis(caller, face_result())
    client = staff("viewer")
    for path, action in (
        (ANALYSES, AuditAction.ANALYSIS_LIST),
        ("/admin/cv/face/", AuditAction.ANALYSIS_LIST),
        (f"{ANALYSES}{analysis.pk}/change/", AuditAction.ANALYSIS_READ),
    ):
        AuditEvent.objects.all().delete()
        client.get(path)
        noted = AuditEvent.objects.get()
        assert (noted.action, noted.objects_named) == (action, [str(analysis.pk)])


def test_revoking_a_key_is_the_operators_and_written_down(key: tuple[ApiKey, str]) -> None:
    selected = {"action": "revoke", "_selected_action": [str(key[0].pk)]}
    assert staff("viewer").post("/admin/cv/apikey/", selected).status_code == 403
    assert staff("operator").post("/admin/cv/apikey/", selected).status_code == 302
    key[0].refresh_from_db()
    assert key[0].revoked_at is not None
    assert AuditEvent.objects.filter(action=AuditAction.KEY_REVOKE).count() == 1
