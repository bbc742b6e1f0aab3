"""The options of methods. Those that are left out are the server's defaults."""

from collections.abc import Sequence
from typing import Literal, TypedDict

from xcloud_client.types import AttributeName


class FaceOptions(TypedDict, total=False):
    """Which faces to look for."""

    max_faces: int | None
    min_face_px: int | None


class StoreOptions(FaceOptions, total=False):
    """What to answer about each face, and what to keep. ``subject`` is your own name for the person. ``keep_vectors``
    keeps the vector of each face, so that a collection can group them by person; it needs the scope ``identify``.
    ``keep_chips`` keeps a small picture of each face where the picture itself is not kept."""

    attributes: Sequence[AttributeName] | None
    keep_picture: bool
    keep_vectors: bool
    keep_chips: bool
    ttl_days: int | None
    subject: str


class AnalysisOptions(StoreOptions, total=False):
    """With ``keep_result`` false, nothing is kept, and the answer has no ``id`` and no ``created_at``."""

    keep_result: bool


class JobOptions(StoreOptions, total=False):
    """The same options for all images of a job. A ``priority`` above 0 needs the scope ``admin``. ``search`` is the id
    of a collection in which every face is searched; it needs the scope ``identify``."""

    priority: int
    search: str | None


class PortraitOptions(TypedDict, total=False):
    """``strength`` is that of a blur, 1 to 100; ``colour`` that of a background of one colour, like ``#1e90ff``."""

    background: Literal["blur", "colour", "transparent"]
    strength: int | None
    colour: str | None
    format: Literal["jpeg", "png", "webp"] | None


class RedactionOptions(TypedDict, total=False):
    """``faces`` are indices of a detection with the same ``min_face_px``; default: all. ``except_collection`` leaves
    the people of that collection visible. ``colour`` is that of bars, like ``#1e90ff``."""

    cover: Literal["blur", "pixelate", "bar", "emoji"]
    faces: Sequence[int] | None
    except_collection: str | None
    fmr: float | None
    colour: str | None
    min_face_px: int | None
    format: Literal["jpeg", "png", "webp"] | None


class ComparisonOptions(TypedDict, total=False):
    """``fmr``: the false match rate at which two faces count as the same. ``prior``: how probable that was before."""

    fmr: float | None
    prior: float | None


class NameOptions(TypedDict, total=False):
    """``accept`` names refusals that you overrule."""

    consent: str
    ttl_days: int | None
    accept: Sequence[str]


class EnrolOptions(NameOptions, total=False):
    """``face`` is the index of the face, if there are several."""

    face: int | None
    min_face_px: int | None


class CollectionOptions(TypedDict, total=False):
    """With ``ttl_days`` None, faces enrolled from now on stay until they are removed."""

    name: str
    ttl_days: int | None


class GroupOptions(TypedDict, total=False):
    """``apart``: pairs of names of faces that are different people."""

    apart: Sequence[tuple[str, str]]
    threshold: float


class SearchOptions(FaceOptions, total=False):
    """``fmr``: the share of strangers who may be taken for anyone."""

    fmr: float | None
    candidates: int | None


class VerifyOptions(TypedDict, total=False):
    """``fmr``: the share of different people who may be taken for the same."""

    fmr: float | None
    face: int | None
    min_face_px: int | None
