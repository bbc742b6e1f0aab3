"""Hides a face in a picture: blurred, in coarse squares, under a bar, or under a smiling face.

Each covers the whole head from brow to chin and ear to ear, turned as the face is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from cv.engine.edits.types import Colour, Cover
from cv.engine.types import Detection

# Half of the covered width and height, in longer sides of the face's box.
_HALF_WIDTH: Final = 0.62
_HALF_HEIGHT: Final = 0.74
# Squares across the longer side of a box: with five, an embedding no longer matches; nor does a person.
_SQUARES: Final = 5
# A blur is computed on this many pixels across the longer side, of which a Gaussian leaves no more than with squares.
_BLUR_PIXELS: Final = 16
_BLUR_RADIUS: Final = 3.0
# The width over which a blur ends, in longer sides.
_SOFT_EDGE: Final = 0.06
# Shapes are drawn this much larger and reduced, for smooth edges.
_OVERSAMPLING: Final = 2
_EMOJI_SIDE: Final = 512


@dataclass(frozen=True, slots=True)
class Place:
    """Where a face is: the middle of its box, its longer side in pixels, and its turn in degrees, clockwise."""

    x: float
    y: float
    side: float
    turn: float

    @property
    def patch(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a square that holds the cover however it is turned; may reach outside."""
        reach = self.side * (math.hypot(_HALF_WIDTH, _HALF_HEIGHT) + _SOFT_EDGE)
        left, top = math.floor(self.x - reach), math.floor(self.y - reach)
        return left, top, left + math.ceil(2 * reach) + 1, top + math.ceil(2 * reach) + 1


def cover_face(picture: Image.Image, face: Detection, cover: Cover, colour: Colour) -> None:
    """Paints over the face, in place. ``picture`` is RGB, and the face's numbers are in its pixels."""
    box = face.box
    place = Place(box.x + box.width / 2, box.y + box.height / 2, max(box.width, box.height), face.landmarks.roll)
    left, top, right, bottom = place.patch
    seen = max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height)
    if seen[0] >= seen[2] or seen[1] >= seen[3]:
        return
    picture.paste(*_painters(colour)[cover](picture.crop(seen), place, seen[:2]))


# What is pasted, where, and through which mask.
_Painted = tuple[Image.Image, tuple[int, int], Image.Image]
_Painter = Callable[[Image.Image, Place, tuple[int, int]], _Painted]


def _painters(colour: Colour) -> dict[Cover, _Painter]:
    def bar(patch: Image.Image, place: Place, at: tuple[int, int]) -> _Painted:
        return Image.new("RGB", patch.size, colour), at, _mask(patch.size, place, at, _draw_rectangle)

    return {Cover.BLUR: _blur, Cover.PIXELATE: _pixelate, Cover.BAR: bar, Cover.EMOJI: _emoji}


def _blur(patch: Image.Image, place: Place, at: tuple[int, int]) -> _Painted:
    small = _reduced(patch, place.side / _BLUR_PIXELS).filter(ImageFilter.GaussianBlur(_BLUR_RADIUS))
    mask = _mask(patch.size, place, at, _draw_ellipse)
    # Wider by the edge that is softened, so that the whole ellipse stays covered.
    edge = max(1.0, place.side * _SOFT_EDGE / 2)
    return small.resize(patch.size, Image.Resampling.BICUBIC), at, mask.filter(ImageFilter.GaussianBlur(edge / 2))


def _pixelate(patch: Image.Image, place: Place, at: tuple[int, int]) -> _Painted:
    small = _reduced(patch, place.side / _SQUARES)
    return small.resize(patch.size, Image.Resampling.NEAREST), at, _mask(patch.size, place, at, _draw_ellipse)


def _reduced(patch: Image.Image, pixels: float) -> Image.Image:
    """The means of squares of this many pixels; never fewer than four, so that tiny faces lose their detail, too."""
    pixels = max(pixels, 4.0)
    size = max(1, round(patch.width / pixels)), max(1, round(patch.height / pixels))
    return patch.resize(size, Image.Resampling.BOX)


_Draw = Callable[[ImageDraw.ImageDraw, float], None]


def _mask(size: tuple[int, int], place: Place, at: tuple[int, int], draw: _Draw) -> Image.Image:
    """255 where the shape is; the shape is drawn around the origin of a square, turned, and moved to the face."""
    reach = place.side * math.hypot(_HALF_WIDTH, _HALF_HEIGHT)
    # A small drawing of the shape: its edges need no more.
    half = min(reach, 256.0) * _OVERSAMPLING
    shape = Image.new("L", (2 * math.ceil(half),) * 2)
    draw(ImageDraw.Draw(shape), half / math.hypot(_HALF_WIDTH, _HALF_HEIGHT))
    return _placed(shape, place, size, at, half / reach)


def _placed(shape: Image.Image, place: Place, size: tuple[int, int], at: tuple[int, int], scale: float) -> Image.Image:
    """The square drawing, ``scale`` times the photo's size, turned and moved to the face in a patch of this size."""
    cos, sin = (scale * f(math.radians(place.turn)) for f in (math.cos, math.sin))
    x, y = place.x - at[0], place.y - at[1]
    middle = shape.width / 2
    # From a pixel of the patch to one of the drawing: what the face is turned by is turned back.
    matrix = (cos, sin, middle - cos * x - sin * y, -sin, cos, middle + sin * x - cos * y)
    return shape.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def _draw_ellipse(draw: ImageDraw.ImageDraw, side: float) -> None:
    draw.ellipse(_around(draw, side * (_HALF_WIDTH + _SOFT_EDGE), side * (_HALF_HEIGHT + _SOFT_EDGE)), fill=255)


def _draw_rectangle(draw: ImageDraw.ImageDraw, side: float) -> None:
    draw.rectangle(_around(draw, side * _HALF_WIDTH, side * _HALF_HEIGHT), fill=255)


def _around(draw: ImageDraw.ImageDraw, half_width: float, half_height: float) -> tuple[float, float, float, float]:
    middle = draw.im.size[0] / 2
    return middle - half_width, middle - half_height, middle + half_width, middle + half_height


def _emoji(patch: Image.Image, place: Place, at: tuple[int, int]) -> _Painted:
    radius = place.side * (_HALF_HEIGHT + _SOFT_EDGE / 2)
    drawing = _smiling_face()
    scale = drawing.width / 2 / radius
    drawn = _placed(drawing, place, patch.size, at, scale)
    return drawn.convert("RGB"), at, drawn.getchannel("A")


def _smiling_face() -> Image.Image:
    side = _EMOJI_SIDE
    face = Image.new("RGBA", (side, side), (255, 204, 51, 0))
    draw = ImageDraw.Draw(face)
    draw.ellipse((0, 0, side - 1, side - 1), fill=(255, 204, 51, 255), outline=(204, 140, 20, 255), width=side // 40)
    dark = (92, 58, 16, 255)
    for x in (0.34, 0.66):
        draw.ellipse(((x - 0.06) * side, 0.28 * side, (x + 0.06) * side, 0.46 * side), fill=dark)
    draw.chord((0.24 * side, 0.38 * side, 0.76 * side, 0.84 * side), 0, 180, fill=dark)
    return face
