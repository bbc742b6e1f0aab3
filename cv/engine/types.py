"""Results of the engine: frozen values in pixels of the upright, full-size image (origin top left)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from cv.engine.errors import InvalidOptions
from cv.engine.outputs import DEFAULT_OUTPUTS, all_outputs

Point = tuple[float, float]
# Yaw, pitch and roll in degrees, as ``cv.engine.face_shape.head_pose`` defines them.
Pose = tuple[float, float, float]

MIN_FACE_PX_RANGE = (12, 4096)
MAX_FACES_RANGE = (1, 1000)
# Of how many faces small pictures can be kept, the largest first: about 3 kB each.
MAX_CHIPS: Final = 100


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned face box; may reach past the image's edge."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        both = max(width, 0.0) * max(height, 0.0)
        return both / (self.area + other.area - both)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Five points; left and right as seen in the picture once the face is upright."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    def __iter__(self) -> Iterator[Point]:
        return (getattr(self, name) for name in LANDMARKS)

    @property
    def roll(self) -> float:
        """The turn of the face in the picture, in degrees of [-180, 180]: 0 is upright, positive is clockwise."""
        eyes, mouth = (
            (complex(*one) + complex(*other)) / 2
            for one, other in ((self.left_eye, self.right_eye), (self.mouth_left, self.mouth_right))
        )
        down = mouth - eyes
        return math.degrees(math.atan2(-down.real, down.imag))


# The names of the five, in order.
LANDMARKS: Final = tuple(field.name for field in fields(Landmarks))


class QualityWarning(StrEnum):
    SMALL_FACE = "small_face"
    BLURRED = "blurred"
    NOISY = "noisy"
    PIXELATED = "pixelated"
    DARK = "dark"
    OVEREXPOSED = "overexposed"
    OCCLUDED = "occluded"
    TURNED = "turned"
    TILTED = "tilted"
    PARTLY_OUTSIDE = "partly_outside"


@dataclass(frozen=True, slots=True)
class Quality:
    """``score`` is the chance that all five answers about this face are right if they are on a good photo of it; the
    warnings say what may ruin them."""

    score: float
    warnings: tuple[QualityWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """The likeliest label and the probability of every label (they sum to 1)."""

    label: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, if the model states one. The model states that the interval contains the
    label for a share of ``coverage`` of faces; None if nothing was stated when the answer was stored."""

    value: float
    interval: tuple[float, float] | None = None
    scale: tuple[float, float] | None = None
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class Flags:
    """The probability of each of several labels; any number may apply to one face."""

    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Points:
    """Points in pixels of the photo, in the order that ``scheme`` gives them."""

    points: tuple[Point, ...]
    scheme: str


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector: angles named by the output's labels, or an embedding."""

    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Mask:
    """A grey PNG of ``width`` × ``height`` pixels: 255 is all inside, 0 all outside."""

    png: bytes
    width: int
    height: int


Answer = Category | Estimate | Flags | Points | Vector | Mask
# By the output's name, in the order of the registry; only those that were requested.
Answers = Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found: ``confidence`` in [0, 1] is the last cascade stage's face probability."""

    box: Box
    confidence: float
    landmarks: Landmarks


@dataclass(frozen=True, slots=True)
class FaceResult:
    """A face found and described. ``index`` 0 is the largest face of the image."""

    index: int
    box: Box
    confidence: float
    landmarks: Landmarks
    quality: Quality
    attributes: Answers


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """``sha256`` is of the received bytes; width and height are of the upright image."""

    width: int
    height: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model in service; ``sha256`` is of its weights file."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A model that was run, its milliseconds for all faces of the photo, and the outputs that it gave."""

    name: str
    version: str
    sha256: str
    ms: float
    outputs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds a stage; ``attributes`` includes the alignment of the chips. Those of a video run at once, each on
    another frame."""

    decode: float
    detect: float
    attributes: float
    total: float


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What to look for; ``attributes`` are names of outputs.

    Raises InvalidOptions if ``min_face_px`` or ``max_faces`` is outside its range, or an output is not known.
    """

    attributes: frozenset[str] = frozenset(DEFAULT_OUTPUTS)
    min_face_px: int = 40
    max_faces: int = 100
    # Whether the result contains the picture without metadata, to be kept.
    picture: bool = False
    # Whether the result contains a small JPEG of the picture, to be shown.
    preview: bool = False
    # Whether the result contains a small JPEG of each face, to be kept.
    chips: bool = False

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("min_face_px", self.min_face_px, MIN_FACE_PX_RANGE),
            ("max_faces", self.max_faces, MAX_FACES_RANGE),
        ):
            if not low <= value <= high:
                raise InvalidOptions(f"{name} must be from {low} to {high}, not {value}")
        unknown = self.attributes.difference(output.name for output in all_outputs())
        if unknown:
            raise InvalidOptions(f"attributes: {', '.join(sorted(unknown))} cannot be asked for")


DEFAULT_OPTIONS: Final = AnalysisOptions()
# Only a preview: no scale of the picture has faces that large, so the search for faces takes no time.
PREVIEW_OPTIONS: Final = AnalysisOptions(frozenset(), min_face_px=MIN_FACE_PX_RANGE[1], max_faces=1, preview=True)


@dataclass(frozen=True, slots=True)
class Picture:
    """A file without metadata: the ending of its name, which says its kind, and its bytes."""

    suffix: str
    data: bytes


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """The whole result of one image; ``faces`` is empty if there is no face.

    ``model`` is the one of the default outputs, run or not; ``models`` are all that were run. ``picture`` is set if
    the options ask for it, and so is ``preview``. ``chips`` are JPEGs of the first ``MAX_CHIPS`` faces, if asked for.
    """

    image: ImageInfo
    faces: tuple[FaceResult, ...]
    model: ModelInfo
    timing_ms: Timing
    models: tuple[ModelRun, ...] = ()
    picture: Picture | None = None
    preview: Picture | None = None
    chips: tuple[bytes, ...] = ()
