"""Types of the JSON responses, for type checkers and completion."""

from typing import Any, Literal, NotRequired, TypedDict, cast

# These five, and the name of any other output that the server has a model for.
AttributeName = Literal["age", "gender", "race", "expression", "beauty"] | str
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
    """``coverage`` is the share of true values that intervals of this model should contain."""

    value: float
    interval: list[float] | None
    scale: NotRequired[list[float]]
    coverage: float | None
    abstained: bool


class Category(TypedDict):
    """If ``abstained``, the most probable ``label`` is too uncertain to use: reading it raises Unsure."""

    label: str
    abstained: bool
    probabilities: dict[str, float]


class Flags(TypedDict):
    """Each is true or not by itself."""

    probabilities: dict[str, float]


class Points(TypedDict):
    """In pixels of the upright image, in the order of the ``scheme``."""

    scheme: str
    points: list[Point]


class Vector(TypedDict):
    """By name, if its components have names."""

    values: dict[str, float] | list[float]


class Mask(TypedDict):
    """A grey PNG in base64."""

    png: str
    width: int
    height: int


Answer = Estimate | Category | Flags | Points | Vector | Mask


class Attributes(TypedDict, total=False):
    """Only the attributes that were requested. ``answer`` gets an output that is not one of these."""

    age: Estimate
    gender: Category
    race: Category
    expression: Category
    beauty: Estimate
    points: Points
    mesh: Points
    pose: Vector
    openness: Flags
    traits: Flags
    judged_traits: Flags


class DetectedFace(TypedDict):
    index: int
    box: Box
    confidence: float
    landmarks: Landmarks
    quality: Quality


class Face(DetectedFace):
    attributes: Attributes


def answer(face: Face, name: str) -> Answer | None:
    """What the face was found to be; None if it was not asked for."""
    return cast(dict[str, Answer], face["attributes"]).get(name)


def likely(flags: Flags, at_least: float = 0.5) -> list[str]:
    """The labels whose probability is ``at_least`` this, the most probable first."""
    shares = flags["probabilities"]
    return sorted((name for name, share in shares.items() if share >= at_least), key=lambda name: -shares[name])


class Image(TypedDict):
    width: int
    height: int
    sha256: str


class Model(TypedDict):
    name: str
    version: str
    sha256: str


class ModelRun(Model):
    """A model that was asked, and the milliseconds that it took; None if it was stored without."""

    ms: float | None


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
    models: list[ModelRun]
    timing_ms: Timing


class Detections(TypedDict):
    image: Image
    faces: list[DetectedFace]
    timing_ms: Timing


class ComparedFace(DetectedFace):
    """``doubts`` are reasons why it decides nothing: low_quality, child."""

    doubts: list[str]


class EmbeddedFace(ComparedFace):
    embedding: list[float]


class Embeddings(TypedDict):
    image: Image
    faces: list[EmbeddedFace]
    model: Model
    timing_ms: Timing


class Side(TypedDict):
    image: Image | None
    faces: list[ComparedFace] | None


class Threshold(TypedDict):
    fmr: float
    similarity: float


class Pair(TypedDict):
    """Two faces by their indexes; ``same`` is None, unknown, if there is a doubt about one."""

    first: int
    second: int
    similarity: float
    probability: float
    same: bool | None


class Comparison(TypedDict):
    threshold: Threshold
    prior: float
    first: Side
    second: Side
    pairs: list[Pair]
    model: Model


class Job(TypedDict):
    id: str
    state: Literal["listing", "pending", "running", "paused", "done", "failed", "cancelled", "deleting"]
    source: Literal["archive", "urls", "analyses", "folder", "local"]
    priority: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    images: int
    counts: dict[str, int]
    images_per_second: float | None
    seconds_left: float | None
    error: dict[str, str] | None
    options: dict[str, Any]


class JobItem(TypedDict):
    """An image of a job; ``analysis`` is an id, once the image is done."""

    index: int
    name: str
    state: Literal["pending", "running", "done", "failed", "cancelled"]
    error: dict[str, str] | None
    analysis: str | None
    finished_at: str | None


class Collection(TypedDict):
    """``faces`` and ``subjects`` are how many."""

    id: str
    created_at: str
    name: str
    ttl_days: int | None
    model: Model
    faces: int
    subjects: int


class EnrolledFace(TypedDict):
    """``quality`` is None, and ``image_sha256`` empty, if the vector was sent."""

    id: str
    created_at: str
    subject: str
    expires_at: str | None
    consent: str
    quality: float | None
    image_sha256: str


class Subject(TypedDict):
    """A person of a collection; ``faces`` is how many."""

    subject: str
    faces: int
    first_enrolled_at: str
    last_enrolled_at: str


class Candidate(TypedDict):
    """``face`` is the most similar face that is enrolled of this person."""

    subject: str
    face: str
    similarity: float
    probability: float


class SearchedFace(TypedDict):
    """``unknown`` if it has no ``match``; ``doubts`` say why it gets none: low_quality, child."""

    face: DetectedFace
    unknown: bool
    match: Candidate | None
    candidates: list[Candidate]
    doubts: list[str]


class Verification(TypedDict):
    """``same`` is None, unknown, if there is a doubt about the face."""

    collection: str
    subject: str
    face: DetectedFace
    enrolled_face: str
    similarity: float
    probability: float
    doubts: list[str]
    same: bool | None
    fmr: float
    threshold: float


class VectorToEnrol(TypedDict):
    subject: str
    embedding: list[float]
    consent: NotRequired[str]
    ttl_days: NotRequired[int | None]


class VectorToGroup(TypedDict):
    """``name`` is your own; ``group`` the group that it is in already."""

    name: str
    embedding: list[float]
    quality: NotRequired[float]
    group: NotRequired[str]


class GroupedFace(TypedDict):
    """A face by its analysis and its index in it; with ``doubts`` it is not enrolled when its group is named."""

    analysis: str
    index: int
    quality: NotRequired[float]
    doubts: NotRequired[list[str]]


class UnknownGroup(TypedDict):
    """Faces that look like one person: ``count`` in all, up to 100 shown, the best first."""

    id: str
    created_at: str
    count: int
    faces: list[GroupedFace]


class Receipt(TypedDict):
    receipt: dict[str, Any]
    algorithm: str
    key_id: str
    signature: str
