"""What can be asked of a video, and its result: frozen values in pixels of the upright, full-size frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cv.engine.errors import InvalidOptions
from cv.engine.outputs import DEFAULT_OUTPUTS, Shape, all_outputs
from cv.engine.types import (
    MAX_FACES_RANGE,
    MIN_FACE_PX_RANGE,
    Box,
    FaceResult,
    ImageInfo,
    ModelInfo,
    ModelRun,
    Picture,
    Timing,
)

# Frames looked at in a second.
RATE_RANGE: Final = (0.2, 15.0)
DEFAULT_RATE: Final = 5.0
# Shapes that many frames have no common answer of: where something is, in pixels of one frame.
OF_ONE_FRAME: Final = frozenset({Shape.POINTS, Shape.MASK})


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """What to look for; ``attributes`` are names of outputs, ``rate`` the frames looked at in a second of the video.
    With ``stills`` the result contains small pictures, to be kept.

    Raises InvalidOptions if a number is outside its range, or an output is unknown or only of one frame.
    """

    attributes: frozenset[str] = frozenset(DEFAULT_OUTPUTS)
    min_face_px: int = 40
    max_faces: int = 100
    rate: float = DEFAULT_RATE
    stills: bool = False

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("min_face_px", self.min_face_px, MIN_FACE_PX_RANGE),
            ("max_faces", self.max_faces, MAX_FACES_RANGE),
            ("rate", self.rate, RATE_RANGE),
        ):
            if not low <= value <= high:
                raise InvalidOptions(f"{name} must be from {low:g} to {high:g}, not {value:g}")
        fitting = {output.name for output in all_outputs() if output.shape not in OF_ONE_FRAME}
        if unknown := self.attributes - fitting:
            raise InvalidOptions(f"attributes: {', '.join(sorted(unknown))} cannot be asked of a video")


@dataclass(frozen=True, slots=True)
class VideoQuestion:
    """A video file of this machine, and what to look for in it."""

    file: Path
    options: VideoOptions


@dataclass(frozen=True, slots=True)
class Moment:
    """A face in one frame: ``at`` in seconds from the start, and the probabilities of the outputs that change from
    moment to moment, in the order of their labels."""

    at: float
    box: Box
    shares: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Still:
    """A small JPEG of a moment: ``start`` and ``length`` in bytes say where it is in the result's picture."""

    kind: str
    at: float
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Person:
    """A face followed through a scene. ``face`` has its fused answers, and the box, landmarks and quality of its best
    frame, at ``best_at``; ``frames`` is in how many frames it was seen, and ``moments`` may be averages of
    neighbouring ones."""

    face: FaceResult
    scene: int
    first_at: float
    last_at: float
    best_at: float
    frames: int
    moments: tuple[Moment, ...]
    stills: tuple[Still, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoResult:
    """The whole result of one video; ``people`` are ordered by the time for which they are seen.

    ``scenes`` are the times at which one starts, in seconds; ``frames`` is how many were looked at. ``picture`` is a
    Motion JPEG, JPEGs one after the other: those of ``storyboard``, and the stills of people.
    """

    image: ImageInfo
    seconds: float
    frames: int
    scenes: tuple[float, ...]
    people: tuple[Person, ...]
    model: ModelInfo
    timing_ms: Timing
    models: tuple[ModelRun, ...] = ()
    storyboard: tuple[Still, ...] = ()
    picture: Picture | None = None
