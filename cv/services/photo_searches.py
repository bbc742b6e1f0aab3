"""Notes who searched in a collection, and saves who was found in the photos of jobs."""

from typing import Final

from django.conf import settings

from cv.choices import AuditAction
from cv.models import Analysis, Collection, EnrolledFace, Face, FaceSearch, FoundPerson
from cv.search.photos import PhotoSearch
from cv.selectors import unexpired
from cv.services.audit import audit_note
from cv.trust.caller import Caller

# A job's search: the share of strangers who may be taken for anyone in the collection, and the most people a face.
FMR: Final = 1e-3
CANDIDATES: Final = 5


class CollectionGone(Exception):
    """The collection that a job searches was deleted. ``code`` is stable and part of the public API."""

    code = "collection_deleted"

    def __init__(self) -> None:
        super().__init__("the collection that this job searches was deleted")


def search_note(caller: Caller, found: PhotoSearch) -> None:
    """Writes to the audit log who searched where; whom they found, only if the operator wants that."""
    named = [searched.match.face for searched in found.faces if searched.match] if settings.XCLOUD_AUDIT_FOUND else []
    audit_note(caller, AuditAction.COLLECTION_SEARCH, [found.collection.pk, *named], count=len(found.faces))


def search_save(analysis: Analysis, found: PhotoSearch, caller: Caller) -> None:
    """Saves who was found in the photo of this analysis, in the caller's transaction.

    Faces that were erased since the search are left out. Raises CollectionGone.
    """
    if not Collection.objects.filter(pk=found.collection.pk).exists():
        raise CollectionGone
    pk_of = dict(Face.objects.filter(analysis=analysis).values_list("index", "pk"))
    named = {candidate.face for searched in found.faces for candidate in searched.candidates}
    # Locked, so that none is erased before these rows are there to go with it.
    alive = EnrolledFace.objects.select_for_update().filter(unexpired(), uuid__in=named).order_by("pk")
    enrolled = dict(alive.values_list("uuid", "pk"))
    searches = {searched.face.index: FaceSearch(face_id=pk_of[searched.face.index]) for searched in found.faces}
    people = []
    for searched in found.faces:
        search = searches[searched.face.index]
        search.doubts = [str(doubt) for doubt in searched.doubts]
        people += [
            FoundPerson(
                search=search,
                enrolled_id=enrolled[candidate.face],
                similarity=candidate.similarity,
                probability=found.probability(candidate.similarity),
                is_match=candidate == searched.match,
            )
            for candidate in searched.candidates
            if candidate.face in enrolled
        ]
    FaceSearch.objects.bulk_create(searches.values())
    FoundPerson.objects.bulk_create(people)
    search_note(caller, found)
