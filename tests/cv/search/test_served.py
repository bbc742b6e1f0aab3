"""The index follows the rows: it finds what was just enrolled, and never what was erased."""

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from pytest_django import Settings

from cv.models import Collection, EnrolledFace
from cv.search.base import CollectionTooLarge, as_keys
from cv.search.exact import ExactIndex, bytes_of
from cv.search.people import Candidate, one_name_each, people_near
from cv.search.served import drop_index, served_index, tidy_indexes, update_index
from cv.services import subject_remove
from cv.services.revisions import revision_raise
from cv.trust.caller import Caller
from tests.vectors import DIMENSIONS, axis, enrolled, made_collection, near

pytestmark = pytest.mark.usefixtures("identity")


def names_near(collection: Collection, number: int, most: int = 3) -> list[tuple[str, float]]:
    (found,) = people_near(collection.pk, axis(number)[None], most)
    return [(person.subject, round(person.similarity, 3)) for person in found]


def test_what_was_just_enrolled_is_found(caller: Caller) -> None:
    collection = made_collection(caller)
    enrolled(collection, caller, "ada", axis(0))
    assert names_near(collection, 0) == [("ada", 1.0)]
    enrolled(collection, caller, "bob", near(0, 0.3, away=1))
    assert names_near(collection, 0) == [("ada", 1.0), ("bob", 0.3)]


def test_a_person_is_named_once_with_their_most_similar_face(caller: Caller) -> None:
    collection = made_collection(caller)
    enrolled(collection, caller, "ada", axis(0), near(0, 0.9, away=1), near(0, 0.8, away=2))
    enrolled(collection, caller, "bob", near(0, 0.35, away=3))
    assert names_near(collection, 0) == [("ada", 1.0), ("bob", 0.35)]


def test_many_faces_of_one_person_do_not_hide_another(caller: Caller) -> None:
    collection = made_collection(caller)
    enrolled(collection, caller, "ada", *(near(0, 0.98 - 0.01 * n, away=n + 1) for n in range(12)))
    enrolled(collection, caller, "bob", near(0, 0.3, away=20))
    assert [name for name, _ in names_near(collection, 0, most=2)] == ["ada", "bob"]


def test_another_process_does_not_find_what_this_one_erased(caller: Caller) -> None:
    """Another process still has the face in its memory: rows that are gone from SQL stand for its absence there."""
    collection = made_collection(caller)
    (face,) = enrolled(collection, caller, "ada", axis(0))
    enrolled(collection, caller, "bob", near(0, 0.3, away=1))
    assert names_near(collection, 0)[0] == ("ada", 1.0)
    # Deleted without a word to this process's index; then even without a new revision.
    EnrolledFace.objects.filter(pk=face.pk).delete()
    assert names_near(collection, 0) == [("bob", 0.3)]
    assert face.pk in served_index().keys(collection.pk)
    revision_raise(collection.pk)
    assert names_near(collection, 0) == [("bob", 0.3)]
    assert face.pk not in served_index().keys(collection.pk)


def test_a_removed_subject_is_gone_from_the_index_at_once(caller: Caller) -> None:
    collection = made_collection(caller)
    enrolled(collection, caller, "ada", axis(0), near(0, 0.8, away=1))
    update_index(collection.pk)
    assert subject_remove(collection, "ada", caller) == 2
    assert served_index().count(collection.pk) == 0
    assert names_near(collection, 0) == []


def test_expired_faces_are_not_found_even_before_they_are_purged(caller: Caller) -> None:
    collection = made_collection(caller)
    (face,) = enrolled(collection, caller, "ada", axis(0), ttl_days=1)
    EnrolledFace.objects.filter(pk=face.pk).update(created_at="2020-01-01T00:00Z", expires_at="2020-01-02T00:00Z")
    assert names_near(collection, 0) == []


def test_an_index_that_was_dropped_is_built_again(caller: Caller) -> None:
    collection = made_collection(caller)
    enrolled(collection, caller, "ada", axis(0))
    drop_index(collection.pk)
    assert served_index().count(collection.pk) == 0
    assert names_near(collection, 0) == [("ada", 1.0)]


def test_an_interrupted_update_is_mended(caller: Caller) -> None:
    """A process was killed after it added the newest face, but none of the others, and left one that is erased."""
    collection = made_collection(caller)
    faces = enrolled(collection, caller, "ada", axis(0), near(0, 0.9, away=1), near(0, 0.8, away=2))
    strays = as_keys([faces[-1].pk, faces[-1].pk - 1000])
    served_index().add(collection.pk, strays, np.stack([near(0, 0.8, away=2), axis(5)]))
    assert names_near(collection, 0) == [("ada", 1.0)]
    assert sorted(served_index().keys(collection.pk)) == sorted(face.pk for face in faces)


def test_galleries_without_a_collection_are_dropped(caller: Caller) -> None:
    collection, deleted = made_collection(caller), uuid4()
    enrolled(collection, caller, "ada", axis(0))
    update_index(collection.pk)
    served_index().add(deleted, as_keys([1]), axis(0)[None])
    tidy_indexes()
    assert served_index().galleries() == [collection.pk]


def test_a_collection_that_cannot_be_read_does_not_keep_the_others_from_being_tidied(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    sealed, other = made_collection(caller), made_collection(caller)
    enrolled(sealed, caller, "ada", axis(0))
    (face,) = enrolled(other, caller, "bob", axis(1))
    tidy_indexes()
    update_index(sealed.pk)
    update_index(other.pk)
    enrolled(sealed, caller, "cleo", axis(2))
    EnrolledFace.objects.filter(subject="cleo").update(vector=b"0" * 284)
    EnrolledFace.objects.filter(pk=face.pk).delete()
    revision_raise(other.pk)
    tidy_indexes()
    assert (served_index().count(other.pk), str(sealed.pk) in caplog.text) == (0, True)


def test_each_name_is_given_once_so_that_the_sum_of_similarities_is_largest() -> None:
    def candidate(subject: str, similarity: float) -> Candidate:
        return Candidate(subject, uuid4(), similarity)

    first = [candidate("ada", 0.60), candidate("bob", 0.58)]
    second = [candidate("ada", 0.59)]
    stranger: list[Candidate] = []
    given = one_name_each([first, second, stranger])
    assert [person.subject if person else None for person in given] == ["bob", "ada", None]
    alone = one_name_each([[candidate("ada", 0.5)], [candidate("ada", 0.9)]])
    assert [person.similarity if person else None for person in alone] == [None, 0.9]


# The memory of collections.


def test_the_collection_not_searched_for_longest_makes_room_and_is_built_again_when_it_is_searched(
    caller: Caller, settings: Settings
) -> None:
    one, two, three = (made_collection(caller) for _ in range(3))
    for collection in (one, two, three):
        enrolled(collection, caller, "ada", axis(0), near(0, 0.8, away=1))
    # Room for two collections of two faces each.
    settings.XCLOUD_SEARCH_MEMORY_BYTES = 2 * bytes_of(2, DIMENSIONS)
    served_index.cache_clear()
    for collection in (one, two, one, three):
        assert names_near(collection, 0) == [("ada", 1.0)]
    assert set(served_index().galleries()) == {one.pk, three.pk}
    assert names_near(two, 0) == [("ada", 1.0)]
    assert set(served_index().galleries()) == {two.pk, three.pk}


def test_a_collection_that_does_not_fit_is_refused_when_it_grows_and_when_it_is_searched(
    caller: Caller, settings: Settings
) -> None:
    collection = made_collection(caller)
    enrolled(collection, caller, "ada", axis(0), near(0, 0.8, away=1))
    settings.XCLOUD_SEARCH_MEMORY_BYTES = bytes_of(2, DIMENSIONS)
    with pytest.raises(CollectionTooLarge, match="3 faces in one collection take 0 MiB"):
        enrolled(collection, caller, "bob", axis(2))
    assert names_near(collection, 0) == [("ada", 1.0)]
    assert EnrolledFace.objects.count() == 2
    settings.XCLOUD_SEARCH_MEMORY_BYTES = 1
    revision_raise(collection.pk)
    with pytest.raises(CollectionTooLarge):
        names_near(collection, 0)
    assert served_index().galleries() == []
    tidy_indexes()


def test_a_search_whose_collection_is_dropped_meanwhile_finds_it_all_the_same(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = made_collection(caller)
    enrolled(collection, caller, "ada", axis(0))
    search, searched = ExactIndex.search, []

    def dropped_first(index: ExactIndex, *asked: Any) -> Any:
        searched.append(1)
        if len(searched) == 1:
            drop_index(collection.pk)
        return search(index, *asked)

    monkeypatch.setattr(ExactIndex, "search", dropped_first)
    assert names_near(collection, 0) == [("ada", 1.0)]
    assert len(searched) == 2
