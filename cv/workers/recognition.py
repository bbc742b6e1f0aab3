"""Searches the faces of a job's photo in the collection that the job names."""

from collections.abc import Iterable
from dataclasses import replace

from cv.engine.labels import Attribute
from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisResult
from cv.models import Collection, Job
from cv.search.photos import PhotoSearch, search_photo, vectors_in
from cv.selectors import enrolled_faces
from cv.services.photo_searches import CANDIDATES, FMR, CollectionGone
from cv.trust.caller import Caller

# The age is computed for the doubt about children alone.
COMPUTED = frozenset({EMBEDDING.name, Attribute.AGE.value})


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
    """Who is in an analyzed photo, whose faces have what is COMPUTED.

    Raises OtherModel, IdentityOff, ModelNotReady, CollectionGone, IndexBehind, SearchUnavailable, Unreadable.
    """
    vectors, enrolled = vectors_in(result, collection), enrolled_faces(collection).count()
    try:
        return search_photo(collection, enrolled, result.faces, vectors, FMR, CANDIDATES)
    except Collection.DoesNotExist:
        raise CollectionGone from None


def only(result: AnalysisResult, outputs: Iterable[str]) -> AnalysisResult:
    """The result without the answers that were computed for the search alone, so that they are not kept."""
    kept = frozenset(outputs)
    faces = tuple(
        replace(face, attributes={name: answer for name, answer in face.attributes.items() if name in kept})
        for face in result.faces
    )
    runs = tuple(replace(run, outputs=run.outputs & kept) for run in result.models if run.outputs & kept)
    return replace(result, faces=faces, models=runs)
