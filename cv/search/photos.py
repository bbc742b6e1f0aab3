"""Who is in a photo: its faces, searched in a collection or compared with one person of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisOptions, AnalysisResult, FaceResult, Vector
from cv.identity.errors import OtherModel
from cv.identity.faces import Doubt, find_doubts
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


def read_faces(
    data: bytes, collection: Collection, options: AnalysisOptions, caller: str, check_client: Callable[[], None]
) -> tuple[AnalysisResult, Vectors]:
    """The faces of an image, and their vectors, float32 (N, D).

    Raises OtherModel if the collection is of another model than the one in service, EngineError, Overloaded.
    """
    result = analyzed(data, options, caller, check_client)
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
    return result, np.stack(vectors) if vectors else np.empty((0, collection.dimensions), np.float32)


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
