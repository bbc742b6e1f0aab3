"""`manage.py delete_collections`: what is left after identity was turned off is seen, and deleted."""

import io
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cv.choices import AuditAction
from cv.models import AuditEvent, Collection, EnrolledFace
from cv.search.base import SearchUnavailable
from cv.search.served import served_index, update_index
from cv.trust.caller import Caller
from tests.vectors import axis, enrolled, made_collection, near


def output(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("delete_collections", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def two(identity: None, caller: Caller, settings: Settings) -> tuple[Collection, Collection]:
    """Staff with two faces and guests with one; then identity is turned off."""
    staff, guests = made_collection(caller, "staff"), made_collection(caller, "guests")
    enrolled(staff, caller, "ada", axis(0), near(0, 0.8, away=1))
    enrolled(guests, caller, "bob", axis(2))
    update_index(guests.pk)
    settings.XCLOUD_IDENTITY = False
    return staff, guests


def test_without_ids_it_lists_and_deletes_nothing(two: tuple[Collection, Collection]) -> None:
    staff, guests = two
    assert output() == [
        f"{staff.pk}  {staff.created_at:%Y-%m-%d}  key 'tests'  2 faces  staff",
        f"{guests.pk}  {guests.created_at:%Y-%m-%d}  key 'tests'  1 faces  guests",
    ]
    assert EnrolledFace.objects.count() == 3


def test_a_named_collection_is_deleted_with_its_faces_and_index_and_audited(
    two: tuple[Collection, Collection],
) -> None:
    staff, guests = two
    (line,) = output(str(guests.pk))
    assert line.startswith(f"deleted {guests.pk}")
    assert list(Collection.objects.all()) == [staff]
    assert set(EnrolledFace.objects.values_list("subject", flat=True)) == {"ada"}
    assert served_index().count(guests.pk) == 0
    event = AuditEvent.objects.get(action=AuditAction.COLLECTION_DELETE)
    assert (event.actor, event.objects_named) == ("command", [str(guests.pk)])


def test_all_deletes_every_collection(two: tuple[Collection, Collection]) -> None:
    assert len(output("--all")) == 2
    assert (Collection.objects.count(), EnrolledFace.objects.count()) == (0, 0)
    assert output() == ["there are no collections"]


def test_an_id_that_is_not_there_deletes_nothing(two: tuple[Collection, Collection]) -> None:
    with pytest.raises(CommandError, match="nothing was deleted: no collection has the id"):
        output(str(two[0].pk), str(uuid4()))
    with pytest.raises(CommandError, match="not both"):
        output(str(two[0].pk), "--all")
    assert Collection.objects.count() == 2


def test_an_index_that_is_away_keeps_the_collection(
    two: tuple[Collection, Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise SearchUnavailable("the search index does not answer")

    monkeypatch.setattr(type(served_index()), "drop", away)
    with pytest.raises(CommandError, match="does not answer; the next run deletes the rest"):
        output("--all")
    assert Collection.objects.count() == 2
