"""Searches the faces of a job's photo in the collection that the job names."""

from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisResult
from cv.models import Collection, Job
from cv.search.photos import PhotoSearch, search_photo, vectors_in
from cv.selectors import enrolled_faces
from cv.services.photo_searches import CANDIDATES, FMR, CollectionGone
from cv.trust.caller import Caller


class SearchForbidden(Exception):
    """The caller may not search any more. ``code`` is stable and part of the public API."""

    code = "search_forbidden"

    def __init__(self) -> None:
        super().__init__("the caller lacks the scope `identify` by now, or identity is off")


def searched_collection(job: Job, caller: Caller) -> Collection | None:
    """The collection that the job searches; None if it searches none. Raises CollectionGone, SearchForbidden."""
    if job.search_collection is None:
        return None
    if not caller.may_compute({EMBEDDING.name}):
        raise SearchForbidden
    found = Collection.objects.filter(caller.owned, pk=job.search_collection).first()
    if found is None:
        raise CollectionGone
    return found


def recognise(result: AnalysisResult, collection: Collection) -> PhotoSearch:
    """Who is in an analyzed photo, whose faces were asked for their vectors and ages.

    Raises OtherModel, IdentityOff, ModelNotReady, CollectionGone, IndexBehind, SearchUnavailable, Unreadable.
    """
    vectors, enrolled = vectors_in(result, collection), enrolled_faces(collection).count()
    try:
        return search_photo(collection, enrolled, result.faces, vectors, FMR, CANDIDATES)
    except Collection.DoesNotExist:
        raise CollectionGone from None
