"""Who is in a photo: its faces, searched in a collection or compared with one person of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisOptions, AnalysisResult, FaceResult, Vector
from cv.identity.errors import OtherModel
from cv.identity.faces import Doubt, find_doubts
from cv.identity.odds import served_odds
from cv.models import Collection
from cv.models.collections import enrolled_place
from cv.search.base import Vectors
from cv.search.people import Candidate, one_name_each, people_near
from cv.selectors import unexpired
from cv.serving.engines import analyzed
from cv.trust.vectors import unit, unseal_vectors


@dataclass(frozen=True, slots=True)
class Searched:
    """A face, the people it may be, and the one it is given to; None is an unknown face."""

    face: FaceResult
    candidates: list[Candidate]
    match: Candidate | None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoSearch:
    """Who is in a photo, of ``enrolled`` faces; ``fmr`` is the share of strangers who reach the ``threshold``."""

    collection: Collection
    enrolled: int
    fmr: float
    threshold: float
    faces: list[Searched]

    def probability(self, similarity: float) -> float:
        """That it is this person, if half of all searches were for someone enrolled, each as likely."""
        return float(served_odds().probability(similarity, prior=0.5 / max(1, self.enrolled)))


def read_faces(
    data: bytes, collection: Collection, options: AnalysisOptions, caller: str, check_client: Callable[[], None]
) -> tuple[AnalysisResult, Vectors]:
    """The faces of an image, and their vectors, float32 (N, D).

    Raises OtherModel if the collection is of another model than the one in service, EngineError, Overloaded.
    """
    result = analyzed(data, options, caller, check_client)
    return result, vectors_in(result, collection)


def vectors_in(result: AnalysisResult, collection: Collection) -> Vectors:
    """The vectors of an image's faces, float32 (N, D).

    Raises OtherModel if the collection is of another model than the one in service.
    """
    run = next((run for run in result.models if EMBEDDING.name in run.outputs), None)
    if run is not None and run.sha256 != collection.model_sha256:
        raise OtherModel(
            f"the collection has vectors of {collection.model_name} {collection.model_version}, but {run.name} "
            f"{run.version} is in service; enrol its people again in a new collection",
            "collection",
        )
    vectors = [
        unit(answer.values) for face in result.faces if isinstance(answer := face.attributes["embedding"], Vector)
    ]
    return np.stack(vectors) if vectors else np.empty((0, collection.dimensions), np.float32)


def search_photo(
    collection: Collection, enrolled: int, faces: Sequence[FaceResult], vectors: Vectors, fmr: float, most: int
) -> PhotoSearch:
    """Searches the faces of a photo among ``enrolled`` ones, as ``search_faces`` does, at a false match rate.

    In an empty collection every face is unknown. Raises as ``search_faces``, IdentityOff, ModelNotReady.
    """
    threshold = served_odds().threshold(fmr, max(1, enrolled))
    return PhotoSearch(collection, enrolled, fmr, threshold, search_faces(collection, faces, vectors, threshold, most))


def search_faces(
    collection: Collection, faces: Sequence[FaceResult], vectors: Vectors, threshold: float, most: int
) -> list[Searched]:
    """For each face up to ``most`` people at least this similar, and at most one name a face and a photo.

    A face in doubt gets no name: a bad photo, or a child. Raises Collection.DoesNotExist, IndexBehind,
    SearchUnavailable, Unreadable.
    """
    if not faces:
        return []
    near = people_near(collection.pk, vectors, most)
    candidates = [[person for person in people if person.similarity >= threshold] for people in near]
    doubts = [find_doubts(face) for face in faces]
    given = one_name_each([[] if doubt else people for doubt, people in zip(doubts, candidates, strict=True)])
    return [Searched(*found) for found in zip(faces, candidates, given, doubts, strict=True)]


def nearest_of(collection: Collection, subject: str, vector: Vectors) -> Candidate | None:
    """The subject's face that is most similar to the vector, float32 (D,); None if no face of theirs is enrolled.

    Raises Unreadable.
    """
    found = list(collection.faces.filter(unexpired(), subject=subject).order_by("pk").values_list("uuid", "vector"))
    if not found:
        return None
    places = [(sealed, enrolled_place(uuid)) for uuid, sealed in found]
    similarities = unseal_vectors(places, collection.dimensions) @ vector
    best = int(similarities.argmax())
    return Candidate(subject, found[best][0], float(np.clip(similarities[best], -1.0, 1.0)))
