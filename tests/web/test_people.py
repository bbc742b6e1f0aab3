"""The pages of collections: there only if the operator turned identity on, and each visitor sees their own people."""

from dataclasses import replace
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from cv.models import AuditEvent, Collection
from cv.trust.caller import Caller
from tests.factories import stored_analysis
from tests.vectors import axis, enrolled, made_collection
from web.pages.identity import PEOPLE_A_PAGE


@pytest.fixture
def identity(settings: Settings) -> None:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    settings.XCLOUD_IDENTITY_PURPOSE = "Sort the photos of <i>our choir</i>."


@pytest.fixture
def person(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


@pytest.fixture
def choir(user: User, identity: None) -> Collection:
    collection = made_collection(Caller(user=user), "Choir")
    enrolled(collection, Caller(user=user), "<b>Ada</b>", axis(0))
    enrolled(collection, Caller(user=user), "Grace", axis(1))
    return collection


def test_while_identity_is_off_there_are_no_pages_and_no_link(person: Client, settings: Settings) -> None:
    settings.XCLOUD_IDENTITY = False
    for path in ("/people/", f"/people/{uuid4()}/", f"/people/{uuid4()}/rows"):
        assert person.get(path).status_code == 404
    assert b"/people/" not in person.get("/").content


def test_collections_are_listed_with_the_purpose_and_how_many_they_know(person: Client, choir: Collection) -> None:
    html = " ".join(person.get("/people/").content.decode().split())
    assert "Sort the photos of &lt;i&gt;our choir&lt;/i&gt;." in html
    assert f'href="/people/{choir.pk}/"' in html
    assert "2 people · 2 faces" in html
    assert 'href="/people/"' in person.get("/").content.decode()


def test_the_people_of_a_collection_are_shown_as_text_and_the_look_is_audited(
    person: Client, choir: Collection, user: User
) -> None:
    html = person.get(f"/people/{choir.pk}/").content.decode()
    assert "&lt;b&gt;Ada&lt;/b&gt;" in html
    assert html.count('class="person"') == 2
    event = AuditEvent.objects.latest("pk")
    assert (event.actor, event.action, event.objects_named) == (f"user:{user.pk}", "collection.read", [str(choir.pk)])


def test_someone_elses_collection_is_not_there(choir: Collection, client: Client) -> None:
    client.force_login(User.objects.create_user("eve"))
    assert client.get(f"/people/{choir.pk}/").status_code == 404
    assert client.get(f"/people/{choir.pk}/rows").status_code == 404
    assert b"Choir" not in client.get("/people/").content


def test_many_people_come_a_page_at_a_time_and_are_found_by_name(person: Client, choir: Collection, user: User) -> None:
    for number in range(PEOPLE_A_PAGE):
        enrolled(choir, Caller(user=user), f"Singer {number:03}", axis(2 + number))
    first, second = (person.get(f"/people/{choir.pk}/rows?page={page}").content.decode() for page in (1, 2))
    assert (first.count('class="person"'), second.count('class="person"')) == (PEOPLE_A_PAGE, 2)
    found = person.get(f"/people/{choir.pk}/rows?name=ger+04").content.decode()
    assert found.count('class="person"') == 10
    assert "Nobody here has that name." in person.get(f"/people/{choir.pk}/rows?name=zoe").content.decode()


def test_an_analysis_is_searched_only_if_its_picture_is_kept_and_it_is_the_visitors(
    person: Client, choir: Collection, user: User, empty_scene: bytes
) -> None:
    eve = Caller(user=User.objects.create_user("eve"))
    kept = stored_analysis(Caller(user=user), data=empty_scene, image=True)
    bare = stored_analysis(Caller(user=user))
    stranger = stored_analysis(eve, data=empty_scene, image=True)
    assert person.get(f"/people/?analysis={kept.pk}")["Location"] == f"/people/{choir.pk}/?analysis={kept.pk}"
    shown = {row.pk: person.get(f"/people/{choir.pk}/?analysis={row.pk}").content for row in (kept, bare, stranger)}
    assert [b"data-analysis" in html for html in shown.values()] == [True, False, False]
    assert person.get(f"/people/{choir.pk}/?analysis=no").status_code == 200
