"""Puts people before another background: their own out of focus, one colour, or none."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
from PIL import Image

from cv.engine.edits.boxes import Floats, box_mean, disc_mean
from cv.engine.edits.matte import Matte, fit_matte
from cv.engine.edits.types import Background, Portrait

# Blurs are computed on a picture of at most this many pixels, and on fewer if the disc would have a larger radius.
_SMALL_PIXELS: Final = 220_000
_MOST_RADIUS: Final = 6.0
# The disc's radius at full strength, in longer sides of the picture.
_WIDEST: Final = 0.035
# Pixels around the edge of people from which their own colours are taken, on the small picture.
_EDGE: Final = 3
# Full-size pixels done at once: each core takes a band, and a large photo needs no large arrays.
_BAND_PIXELS: Final = 500_000

Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def portray(photo: Image.Image, mask: Floats, portrait: Portrait, spread: Spread) -> Image.Image:
    """The people of the photo before another background; RGBA if that is to be clear, or else RGB.

    ``photo`` is RGB, ``mask`` float32 ``(h, w)`` in [0, 1] of the same view. ``spread`` maps over several cores.
    """
    small = _reduced(photo)
    matte = fit_matte(small, mask)
    inside = matte.whole(small)
    blurs = portrait.background is Background.BLUR
    people = None if blurs else _spread_colours(small, inside)
    behind = _out_of_focus(small, inside, portrait.strength) if blurs else Image.new("RGB", (1, 1), portrait.colour)

    def paint(rows: tuple[int, int]) -> Image.Image:
        band, seen = photo.crop((0, rows[0], photo.width, rows[1])), matte.rows(photo, *rows)
        if people is not None:
            # Hair has the old background between it: at the edges the colours inside count.
            band = Image.composite(band, _enlarged(people, photo, rows), seen)
        if portrait.background is not Background.TRANSPARENT:
            return Image.composite(band, _enlarged(behind, photo, rows), seen)
        # What is transparent is not seen, but it is in the file: it must not be the old background.
        band.paste((0, 0, 0), (0, 0), seen.point(lambda value: 0 if value else 255))
        band.putalpha(seen)
        return band

    result = Image.new("RGBA" if portrait.background is Background.TRANSPARENT else "RGB", photo.size)
    bands = list(_bands(photo))
    for (top, _), painted in zip(bands, spread(paint, bands), strict=True):
        result.paste(painted, (0, top))
    return result


def find_matte(photo: Image.Image, mask: Floats) -> Matte:
    """The matte of a photo, as ``portray`` uses it."""
    return fit_matte(_reduced(photo), mask)


def _reduced(photo: Image.Image) -> Image.Image:
    return _resized(photo, min(1.0, math.sqrt(_SMALL_PIXELS / (photo.width * photo.height))))


def _out_of_focus(small: Image.Image, inside: Floats, strength: float) -> Image.Image:
    """The background as a wide lens would show it, ``strength`` in (0, 1]; people are left out of it."""
    radius = strength * _WIDEST * max(small.size)
    reduced = _resized(small, min(1.0, _MOST_RADIUS / radius))
    light = np.asarray(reduced, np.float32) / 255
    outside = 1 - np.asarray(Image.fromarray(inside).resize(reduced.size, Image.Resampling.BOX))
    # People count nearly nothing, so that their colours do not shine around them.
    weight = np.maximum(outside, 1e-3)[:, :, None]
    # Light adds up, not its code values: the square is close to sRGB's curve, and lets bright points bloom.
    found = disc_mean(np.concatenate([light**2 * weight, weight], axis=2), min(max(radius, 0.5), _MOST_RADIUS))
    return _picture(np.sqrt(found[:, :, :3] / found[:, :, 3:]))


def _spread_colours(small: Image.Image, inside: Floats) -> Image.Image:
    """The colours of people, spread over their edges."""
    weight = np.maximum(inside**2, 1e-4)[:, :, None]
    found = box_mean(np.concatenate([np.asarray(small, np.float32) / 255 * weight, weight], axis=2), _EDGE)
    return _picture(found[:, :, :3] / found[:, :, 3:])


def _picture(values: Floats) -> Image.Image:
    return Image.fromarray((values.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def _resized(picture: Image.Image, scale: float) -> Image.Image:
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _enlarged(small: Image.Image, photo: Image.Image, rows: tuple[int, int]) -> Image.Image:
    """Some rows of the small picture at the photo's size."""
    top, bottom = (row * small.height / photo.height for row in rows)
    size = photo.width, rows[1] - rows[0]
    return small.resize(size, Image.Resampling.BILINEAR, box=(0, top, small.width, bottom))


def _bands(photo: Image.Image) -> Iterator[tuple[int, int]]:
    """The rows at which each band begins and ends."""
    step = max(1, _BAND_PIXELS // photo.width)
    for top in range(0, photo.height, step):
        yield top, min(top + step, photo.height)
