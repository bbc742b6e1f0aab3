"""`manage.py rebuild_search`: the index of every collection from its rows, whatever the index had before."""

import io

import pytest
from django.core.management import CommandError, call_command

from cv.models import EnrolledFace
from cv.search.base import SearchUnavailable, as_keys
from cv.search.served import nearest, served_index, update_index
from cv.trust.caller import Caller
from tests.vectors import axis, enrolled, made_collection, near

pytestmark = pytest.mark.usefixtures("identity")


def rebuild() -> tuple[list[str], str]:
    """What the command wrote, line by line, and its errors."""
    out, err = io.StringIO(), io.StringIO()
    call_command("rebuild_search", stdout=out, stderr=err)
    return out.getvalue().splitlines(), err.getvalue()


def test_an_index_that_lost_and_invented_faces_gives_the_same_answers_again(caller: Caller) -> None:
    staff, guests = made_collection(caller, "staff"), made_collection(caller, "guests")
    one, two = enrolled(staff, caller, "ada", axis(0), near(0, 0.8, away=1))
    enrolled(guests, caller, "bob", axis(1))
    before = nearest(staff.pk, axis(0)[None], 5)
    update_index(guests.pk)
    # One face's vector is replaced, and one belongs to no row: as many as before, so that no count betrays it.
    served_index().add(staff.pk, as_keys([one.pk]), axis(9)[None])
    served_index().remove(staff.pk, as_keys([two.pk]))
    served_index().add(staff.pk, as_keys([two.pk + 1000]), axis(0)[None])
    assert nearest(staff.pk, axis(0)[None], 5) != before
    assert rebuild() == ([f"{staff.pk}: 2 faces", f"{guests.pk}: 1 faces"], "")
    assert nearest(staff.pk, axis(0)[None], 5) == before


def test_a_collection_that_cannot_be_read_is_named_and_the_others_are_built(caller: Caller) -> None:
    sealed, staff = made_collection(caller, "sealed"), made_collection(caller, "staff")
    enrolled(sealed, caller, "ada", axis(0))
    enrolled(staff, caller, "bob", axis(1))
    EnrolledFace.objects.filter(subject="ada").update(vector=b"0" * 284)
    written, errors = rebuild()
    assert written == [f"{staff.pk}: 1 faces"]
    assert errors == f"{sealed.pk}: left out, its vectors were sealed with another SECRET_KEY\n"
    assert served_index().count(sealed.pk) == 0


def test_an_index_that_is_away_is_an_error_that_says_what_to_do(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise SearchUnavailable("the search index does not answer")

    enrolled(made_collection(caller), caller, "ada", axis(0))
    monkeypatch.setattr(type(served_index()), "drop", away)
    with pytest.raises(CommandError, match="does not answer; the next run builds all of it again"):
        rebuild()
