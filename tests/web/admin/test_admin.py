"""The admin's pages: lists that show everything, and changes only through services."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cv.models import Analysis, ApiKey, Face
from cv.trust.caller import Caller
from tests.factories import face_result, stored_analysis


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


@pytest.mark.usefixtures("db")
class TestAdmin:
    def test_lists_and_searches_show_rows(self, admin: Client, caller: Caller) -> None:
        analysis = stored_analysis(caller, face_result(), subject="visitor 17")
        for path in (
            "/admin/",
            "/admin/cv/analysis/",
            "/admin/cv/analysis/?q=visitor 17",
            f"/admin/cv/analysis/?q={analysis.pk}",
            "/admin/cv/analysis/?gender=female&ages=30–39&kept=no",
            f"/admin/cv/analysis/{analysis.pk}/change/",
            "/admin/cv/face/?race=black&quality=good",
            "/admin/cv/face/?unsure=age&o=-3",
            f"/admin/cv/face/{Face.objects.get().pk}/change/",
            "/admin/cv/apikey/?q=tests",
            "/admin/auth/user/",
        ):
            answer = admin.get(path)
            assert answer.status_code == 200, path
        page = admin.get("/admin/cv/analysis/?q=visitor 17").content.decode()
        assert "visitor 17" in page
        assert "not kept" in page

    def test_list_takes_as_many_queries_for_many_rows_as_for_one(self, admin: Client, caller: Caller) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as context:
                admin.get("/admin/cv/analysis/")
            return len(context)

        stored_analysis(caller, face_result())
        with_one = queries()
        for _ in range(9):
            stored_analysis(caller, face_result())
        assert queries() == with_one

    def test_rows_cannot_be_added_or_changed(self, admin: Client, caller: Caller) -> None:
        analysis = stored_analysis(caller, face_result())
        for model in ("analysis", "face"):
            assert admin.get(f"/admin/cv/{model}/add/").status_code == 403
        assert admin.post(f"/admin/cv/analysis/{analysis.pk}/change/", {"subject": "x"}).status_code == 403
        assert admin.post(f"/admin/cv/face/{Face.objects.get().pk}/delete/", {"post": "yes"}).status_code == 403

    def test_deleting_removes_faces_and_picture(
        self, admin: Client, caller: Caller, empty_scene: bytes, pictures: Path
    ) -> None:
        one, two = (stored_analysis(caller, face_result(), data=empty_scene, image=True) for _ in range(2))
        assert admin.post(f"/admin/cv/analysis/{one.pk}/delete/", {"post": "yes"}).status_code == 302
        selected = {"action": "delete_selected", "_selected_action": [str(two.pk)], "post": "yes"}
        assert admin.post("/admin/cv/analysis/", selected).status_code == 302
        assert Analysis.objects.count() == Face.objects.count() == 0

    def test_thumbnail_is_served_only_to_staff_who_may_see_analyses(
        self, admin: Client, caller: Caller, empty_scene: bytes
    ) -> None:
        kept = stored_analysis(caller, data=empty_scene, image=True)
        without = stored_analysis(caller)
        address = f"/admin/cv/analysis/{kept.pk}/picture"
        assert address in admin.get("/admin/cv/analysis/").content.decode()
        answer = admin.get(address)
        assert b"".join(answer.streaming_content) == empty_scene  # type: ignore[attr-defined]
        assert admin.get(f"/admin/cv/analysis/{without.pk}/picture").status_code == 404

        assert Client().get(address).status_code == 302
        clerk = User.objects.create_user("clerk", is_staff=True)
        client = Client()
        client.force_login(clerk)
        assert client.get(address).status_code == 403
        clerk.user_permissions.add(Permission.objects.get(codename="view_analysis"))
        allowed = client.get(address)
        assert allowed.status_code == 200
        allowed.close()

    def test_revoke_shuts_the_selected_keys_out(self, admin: Client, key: tuple[ApiKey, str]) -> None:
        selected = {"action": "revoke", "_selected_action": [str(key[0].pk)]}
        assert admin.post("/admin/cv/apikey/", selected).status_code == 302
        key[0].refresh_from_db()
        assert key[0].revoked_at is not None

    def test_key_hash_is_not_shown(self, admin: Client, key: tuple[ApiKey, str]) -> None:
        page = admin.get(f"/admin/cv/apikey/{key[0].pk}/change/").content.decode()
        assert key[0].prefix in page
        assert key[0].sha256 not in page
