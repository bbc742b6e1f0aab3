"""The vectors of analyses' faces: sealed when they are saved, unsealed to be grouped or enrolled; doubts about them."""

from collections.abc import Sequence
from typing import cast

from cv.engine.labels import Attribute
from cv.engine.outputs import EMBEDDING
from cv.engine.types import FaceResult, Vector
from cv.identity.faces import Doubt, find_doubts, known_doubts
from cv.models import AnalysisModel, Face, FaceVector
from cv.models.groups import face_place
from cv.search.base import Vectors
from cv.trust.vectors import seal_vector, unit, unseal_vectors


def vector_row(row: Face, face: FaceResult, model: AnalysisModel) -> FaceVector:
    """The unsaved vector of a saved face, with the doubts about it. The engine was asked for it."""
    values = cast(Vector, face.attributes[EMBEDDING.name]).values
    return FaceVector(
        face=row,
        model_sha256=model.sha256,
        vector=seal_vector(unit(values), face_place(row.pk)),
        doubts=[str(doubt) for doubt in find_doubts(face)] if Attribute.AGE.value in face.attributes else None,
    )


def doubts_of(row: FaceVector) -> tuple[Doubt, ...]:
    """Why the face decides nothing; of a vector from before doubts were kept, as far as its face tells."""
    if row.doubts is not None:
        return tuple(Doubt(doubt) for doubt in row.doubts)
    return known_doubts(row.face.quality_score, row.face.age)


def vectors_of(rows: Sequence[FaceVector], dimensions: int) -> Vectors:
    """Unit vectors, float32 (N, D). Raises Unreadable."""
    return unseal_vectors(((row.vector, face_place(row.pk)) for row in rows), dimensions)
