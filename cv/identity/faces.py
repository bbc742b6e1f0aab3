"""The faces of an image with their vectors, and what makes a vector too weak to decide by."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, cast

from cv.engine.labels import Attribute
from cv.engine.outputs import EMBEDDING
from cv.engine.types import DEFAULT_OPTIONS, AnalysisOptions, AnalysisResult, Estimate, FaceResult, Vector
from cv.identity.errors import NoFace, TooManyFaces
from cv.serving.engines import analyzed, assume_connected

# Below this quality a face is compared, but not decided by: of CelebA's people, shown damaged and as they are, half or
# fewer are then as similar as a false match rate of 1e-4 demands (17 % below 0.05, 55 % from 0.2 on, 89 % from 0.8 on).
LOW_QUALITY: Final = 0.2
# Children who are not the same person match falsely far more often than adults do; see the model's card.
CHILD_BELOW_YEARS: Final = 13.0
# The most faces of one image: two such images give 400 pairs.
MOST_FACES: Final = 20
# What a face is asked for to be identified. The age is computed for the doubt about children alone; it is neither
# answered nor stored.
ASKED: Final = frozenset({EMBEDDING.name, Attribute.AGE.value})


class Doubt(StrEnum):
    """Why a face decides nothing."""

    LOW_QUALITY = "low_quality"
    CHILD = "child"


@dataclass(frozen=True, slots=True)
class IdentifiedFace:
    """A vector of length 1. ``face`` is None if the vector came without a picture; ``doubts`` are unknown then."""

    vector: tuple[float, ...]
    face: FaceResult | None = None
    doubts: tuple[Doubt, ...] = ()

    @property
    def index(self) -> int:
        return self.face.index if self.face is not None else 0


def identify_faces(
    data: bytes,
    caller: str,
    check_client: Callable[[], None] = assume_connected,
    min_face_px: int = DEFAULT_OPTIONS.min_face_px,
    most: int = MOST_FACES,
) -> tuple[AnalysisResult, list[IdentifiedFace]]:
    """Every face of an image with its vector, the largest first. Nothing is stored.

    Raises NoFace, TooManyFaces if there are more than ``most``, EngineError, Overloaded, and what ``check_client``
    raises.
    """
    options = AnalysisOptions(attributes=ASKED, min_face_px=min_face_px, max_faces=most + 1)
    result = analyzed(data, options, caller, check_client)
    if not result.faces:
        raise NoFace("no face was found in this image")
    if len(result.faces) > most:
        raise TooManyFaces(f"this image has more than {most} faces")
    return result, [identified(face) for face in result.faces]


def identified(face: FaceResult) -> IdentifiedFace:
    """A face of an engine's result that was asked for its vector and its age. Raises KeyError for any other."""
    return IdentifiedFace(cast(Vector, face.attributes[EMBEDDING.name]).values, face, find_doubts(face))


def find_doubts(face: FaceResult) -> tuple[Doubt, ...]:
    """Raises KeyError if the age was not asked for."""
    age = face.attributes[Attribute.AGE.value]
    return known_doubts(face.quality.score, age.value if isinstance(age, Estimate) else None)


def known_doubts(quality_score: float, age: float | None) -> tuple[Doubt, ...]:
    """The doubts about a face of this quality and of this age in years, None if it is not known."""
    found = {Doubt.LOW_QUALITY: quality_score < LOW_QUALITY, Doubt.CHILD: age is not None and age < CHILD_BELOW_YEARS}
    return tuple(doubt for doubt, applies in found.items() if applies)


def computed_for(asked: frozenset[str]) -> frozenset[str]:
    """What an engine is asked for, so that the doubts about faces are known whose vectors are asked for."""
    return asked | ASKED if EMBEDDING.name in asked else asked


def only(result: AnalysisResult, asked: frozenset[str]) -> AnalysisResult:
    """The result without what was computed for doubts or for a search alone, so that it is neither kept nor shown."""
    dropped = ASKED - asked
    # The models ran even if no face was found.
    if not any(dropped & run.outputs for run in result.models):
        return result
    faces = tuple(
        replace(face, attributes={name: answer for name, answer in face.attributes.items() if name not in dropped})
        for face in result.faces
    )
    runs = tuple(replace(run, outputs=run.outputs - dropped) for run in result.models if not run.outputs <= dropped)
    return replace(result, faces=faces, models=runs)
