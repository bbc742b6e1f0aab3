"""The shapes of answers: the JSON as it comes, with types that an editor can complete."""

from typing import Any, Literal, NotRequired, TypedDict

AttributeName = Literal["age", "gender", "race", "expression", "beauty"]
Point = list[float]


class Box(TypedDict):
    x: float
    y: float
    width: float
    height: float


class Landmarks(TypedDict):
    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point


class Quality(TypedDict):
    score: float
    warnings: list[str]


class Estimate(TypedDict):
    """``coverage`` is the share of labels that the model stated such intervals to hold."""

    value: float
    interval: list[float]
    scale: NotRequired[list[float]]
    coverage: float | None
    abstained: bool


class Category(TypedDict):
    """Where it ``abstained``, the likeliest ``label`` is too unsure to be taken for an answer."""

    label: str
    abstained: bool
    probabilities: dict[str, float]


class Attributes(TypedDict, total=False):
    """Those that were asked for, and no others."""

    age: Estimate
    gender: Category
    race: Category
    expression: Category
    beauty: Estimate


class DetectedFace(TypedDict):
    index: int
    box: Box
    confidence: float
    landmarks: Landmarks
    quality: Quality


class Face(DetectedFace):
    attributes: Attributes


class Image(TypedDict):
    width: int
    height: int
    sha256: str


class Model(TypedDict):
    name: str
    version: str
    sha256: str


class Timing(TypedDict):
    decode: float
    detect: float
    attributes: float
    total: float


class Analysis(TypedDict):
    id: str
    created_at: str
    image: Image
    faces: list[Face]
    model: Model
    timing_ms: Timing


class Detections(TypedDict):
    image: Image
    faces: list[DetectedFace]
    timing_ms: Timing


class Job(TypedDict):
    id: str
    state: Literal["pending", "running", "paused", "done", "failed", "cancelled", "deleting"]
    source: Literal["archive", "urls", "analyses", "folder", "local"]
    priority: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    images: int
    counts: dict[str, int]
    images_per_second: float | None
    seconds_left: float | None
    options: dict[str, Any]


class Receipt(TypedDict):
    receipt: dict[str, Any]
    algorithm: str
    key_id: str
    signature: str
