"""A link shows an analysis to others who are logged in, for a while, and nothing else."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from cv.models import ApiKey, AuditEvent
from cv.trust.caller import Caller
from cv.trust.links import LINK_AGE, link_token, opens
from tests.factories import close, face_result, stored_analysis


def test_a_link_opens_one_analysis_with_its_picture_for_another_user(
    client: Client, user: User, empty_scene: bytes
) -> None:
    row = stored_analysis(Caller(user=user), face_result(), data=empty_scene, image=True, subject="aunt")
    other = stored_analysis(Caller(user=user), face_result())
    grace = User.objects.create_user("grace", password="another-password")
    client.force_login(grace)
    link = {"link": link_token(row.pk)}
    page = client.get(f"/analyses/{row.pk}/", link)
    assert page.status_code == 200
    assert "Only they can change or delete it." in page.content.decode()
    assert "aunt" not in page.content.decode()
    assert client.get(f"/api/v1/analyses/{row.pk}", link).json()["id"] == str(row.pk)
    picture = client.get(f"/api/v1/analyses/{row.pk}/picture", link)
    assert picture.status_code == 200
    close(picture)
    assert AuditEvent.objects.filter(action="analysis.read", actor=f"user:{grace.pk}").exists()
    for path, query in (
        (f"/analyses/{row.pk}/", {}),
        (f"/analyses/{other.pk}/", link),
        (f"/api/v1/analyses/{other.pk}", link),
        (f"/api/v1/analyses/{row.pk}", {"link": link["link"] + "x"}),
    ):
        assert client.get(path, query).status_code == 404, path
    assert client.delete(f"/api/v1/analyses/{row.pk}?link={link['link']}").status_code == 404


def test_a_link_needs_a_log_in(client: Client, user: User, key: tuple[ApiKey, str]) -> None:
    row = stored_analysis(Caller(user=user), face_result())
    path = f"/api/v1/analyses/{row.pk}?link={link_token(row.pk)}"
    assert client.get(f"/analyses/{row.pk}/?link={link_token(row.pk)}")["Location"].startswith("/login/")
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Authorization": f"Bearer {key[1]}"}).status_code == 404


def test_a_link_ends(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    row = stored_analysis(Caller(user=user), face_result())
    token = link_token(row.pk)
    assert opens(token, row.pk)
    later = (timezone.now() + LINK_AGE + timedelta(minutes=1)).timestamp()
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert not opens(token, row.pk)
