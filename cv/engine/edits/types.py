"""What can be done to a picture, and the picture that comes out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cv.engine.errors import InvalidOptions
from cv.engine.types import MIN_FACE_PX_RANGE, ImageInfo, Timing

Colour = tuple[int, int, int]
BLACK: Final[Colour] = (0, 0, 0)
WHITE: Final[Colour] = (255, 255, 255)


class Cover(StrEnum):
    """What hides a face."""

    BLUR = "blur"
    PIXELATE = "pixelate"
    BAR = "bar"
    EMOJI = "emoji"


class PictureFormat(StrEnum):
    """The formats that pictures go out in."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


@dataclass(frozen=True, slots=True)
class Redaction:
    """Hides faces: all, or those with the indices in ``faces``, which are those of a detection with the same
    ``min_face_px``. ``colour`` is that of bars. Without ``format`` the picture keeps its own, or becomes a JPEG.

    Raises InvalidOptions if ``min_face_px`` is outside its range.
    """

    cover: Cover = Cover.BLUR
    faces: frozenset[int] | None = None
    colour: Colour = BLACK
    # Smaller than that of an analysis: a face too small to be described can still be recognised.
    min_face_px: int = 20
    format: PictureFormat | None = None

    def __post_init__(self) -> None:
        low, high = MIN_FACE_PX_RANGE
        if not low <= self.min_face_px <= high:
            raise InvalidOptions(f"min_face_px must be from {low} to {high}, not {self.min_face_px}")


class Background(StrEnum):
    """What is behind the people of a portrait."""

    BLUR = "blur"
    COLOUR = "colour"
    TRANSPARENT = "transparent"


@dataclass(frozen=True, slots=True)
class Portrait:
    """Everybody in the photo before another background. ``strength`` in (0, 1] is that of a blur, ``colour`` that of a
    background of one colour. Without ``format`` the picture keeps its own, or becomes a JPEG; a PNG if the background
    is transparent and its own format has no transparency.

    Raises InvalidOptions if ``strength`` is outside its range, or a JPEG is to be transparent.
    """

    background: Background = Background.BLUR
    strength: float = 0.5
    colour: Colour = WHITE
    format: PictureFormat | None = None

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise InvalidOptions(f"strength must be above 0 and at most 1, not {self.strength}")
        if self.background is Background.TRANSPARENT and self.format is PictureFormat.JPEG:
            raise InvalidOptions("a JPEG cannot be transparent; ask for png or webp")


# What an engine can do to a picture.
Edit = Redaction | Portrait


@dataclass(frozen=True, slots=True)
class EditedPicture:
    """An encoded picture without metadata. ``image`` is about the one that came in, ``found`` is the number of its
    faces, and ``edited`` says how many of them were painted over; both are 0 for a portrait."""

    image: ImageInfo
    data: bytes
    format: PictureFormat
    found: int
    edited: int
    timing_ms: Timing
