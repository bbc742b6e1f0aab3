"""Damages the picture of a face on purpose, as cameras, copies and things in front of a face do.

Every kind takes an amount from 0, hardly visible, to 1, beyond use. Lengths are shares of the face's side in pixels.
"""

import io
import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Dice = np.random.Generator
Pixels = npt.NDArray[np.float64]
# (picture, the face's square in it as left, top and side, amount, dice) → the damaged picture of the same size.
Square = tuple[float, float, float]
Damage = Callable[[Image.Image, Square, float, Dice], Image.Image]


def blur(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(face[2] * _between(0.004, 0.05, amount)))


def motion(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Averages the picture along a short line, as a moving camera does."""
    length, turn = face[2] * _between(0.02, 0.22, amount), dice.uniform(0, math.pi)
    pixels, steps = np.asarray(image, np.float64), max(int(length), 2)
    total = np.zeros_like(pixels)
    for at in np.linspace(-length / 2, length / 2, steps):
        shift = (round(at * math.sin(turn)), round(at * math.cos(turn)))
        total += np.roll(pixels, shift, axis=(0, 1))
    return _image(total / steps)


def grain(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Film grain, finer and fainter than noise, most of it in the middle tones."""
    pixels = np.asarray(image, np.float64)
    middle = 1 - np.abs(pixels.mean(axis=2, keepdims=True) / 127.5 - 1) ** 2
    return _image(pixels + _grain(image, 1, dice) * (0.4 + 0.6 * middle) * _between(2, 13, amount))


def luma_noise(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    return _image(np.asarray(image) + _grain(image, 1, dice) * _between(4, 75, amount))


def colour_noise(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    return _image(np.asarray(image) + _grain(image, 3, dice) * _between(5, 85, amount))


def salt(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Some pixels become white or black."""
    pixels = np.array(image)
    draws = dice.random(pixels.shape[:2])
    share = _between(0.003, 0.25, amount)
    pixels[draws < share / 2], pixels[draws > 1 - share / 2] = 0, 255
    return Image.fromarray(pixels)


def one_bit(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Black and white dots: by error diffusion or by a screen, finer for small amounts; mixed with the picture below
    an amount of a half."""
    grey = image.convert("L")
    # The face's side in dots.
    size = _between(150, 55, amount) * dice.uniform(0.85, 1.15) / face[2]
    small = grey.resize((max(round(image.width * size), 8), max(round(image.height * size), 8)), Image.Resampling.BOX)
    if dice.random() < 0.5:
        dots = small.convert("1").convert("L")
    else:
        rows, columns = np.mgrid[: small.height, : small.width]
        period = dice.uniform(3, 5)
        screen = 127.5 + 63 * (
            np.sin(2 * math.pi * (rows + columns) / period) + np.sin(2 * math.pi * (rows - columns) / period)
        )
        dots = Image.fromarray(((np.asarray(small) > screen) * 255).astype(np.uint8))
    how = Image.Resampling.NEAREST if size < 1 else Image.Resampling.BOX
    dots = dots.resize(image.size, how).convert("RGB")
    return Image.blend(image, dots, min(2 * amount, 1))


def pixelate(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Squares of one colour: 40 to 8 across the face."""
    side = face[2] / math.exp(_between(math.log(44), math.log(8), amount))
    left, top = dice.uniform(0, side, 2)
    columns = np.floor((np.arange(image.width) + left) / side).astype(int)
    rows = np.floor((np.arange(image.height) + top) / side).astype(int)
    small = image.resize((int(columns[-1]) + 1, int(rows[-1]) + 1), Image.Resampling.BOX)
    return Image.fromarray(np.asarray(small)[rows][:, columns])


def compress(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """JPEG of a low quality, of the picture at half its size for large amounts."""
    file = io.BytesIO()
    # The face's side in the stored picture: the blocks of 8 pixels are large in small pictures.
    size = min(_between(150, 70, amount * dice.random()) / face[2], 1)
    small = image.resize((max(round(image.width * size), 8), max(round(image.height * size), 8)), Image.Resampling.BOX)
    small.save(file, "JPEG", quality=max(round(35 * (1 - amount) ** 2), 1))
    return Image.open(file).convert("RGB").resize(image.size, Image.Resampling.BILINEAR)


def darken(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Less light, with the noise that a sensor then shows."""
    light = math.exp(_between(math.log(0.6), math.log(0.03), amount))
    return _image(np.asarray(image) * light + _grain(image, 3, dice) * dice.uniform(0, 3))


def glare(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Too much light: on the whole picture, or from one side."""
    pixels, most = np.asarray(image, np.float64), _between(1.2, 7, amount)
    if dice.random() < 0.4:
        return _image(pixels * most + dice.uniform(0, 60) * amount)
    left, top, side = face
    turn = dice.uniform(0, 2 * math.pi)
    rows, columns = np.mgrid[: image.height, : image.width]
    along = ((columns - left) * math.cos(turn) + (rows - top) * math.sin(turn)) / side
    along = along - along.mean() + dice.uniform(-0.2, 0.3)
    light = 1 / (1 + np.exp(-6 * along))
    return _image(pixels + light[:, :, None] * (pixels * (most - 1) + 120 * amount))


def fade(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Low contrast, in steps of 256 levels."""
    share = math.exp(_between(math.log(0.6), math.log(0.03), amount))
    level = dice.uniform(80, 190)
    faded = np.round(np.asarray(image) * share + level * (1 - share))
    return _image(faded)


def cover(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """Something in front of the face: sunglasses, a mask, a hand, or an object that hides the given share of it."""
    draw = (_sunglasses, _mask, _hand, _object)[int(dice.integers(4))]
    layer = Image.new("RGBA", image.size)
    draw(ImageDraw.Draw(layer), face, amount, dice)
    layer = layer.filter(ImageFilter.GaussianBlur(face[2] * dice.uniform(0.002, 0.012)))
    shade = _image(np.asarray(layer.convert("RGB")) + _grain(image, 1, dice) * dice.uniform(0, 6))
    return Image.composite(shade, image, layer.getchannel("A"))


def cut(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """The edge of the picture runs through the face: what lies beyond it is black, as in chips."""
    left, top, side = face
    share = _between(0.1, 0.7, amount)
    pixels = np.array(image)
    edge = int(dice.integers(4))
    if edge == 0:
        pixels[:, : round(left + side * share)] = 0
    elif edge == 1:
        pixels[:, round(left + side * (1 - share)) :] = 0
    elif edge == 2:
        pixels[: round(top + side * share)] = 0
    else:
        pixels[round(top + side * (1 - share)) :] = 0
    return Image.fromarray(pixels)


def shrink(image: Image.Image, face: Square, amount: float, dice: Dice) -> Image.Image:
    """A tiny face: 60 to 7 pixels a side, enlarged again."""
    size = math.exp(_between(math.log(60), math.log(7), amount)) / face[2]
    small = image.resize((max(round(image.width * size), 2), max(round(image.height * size), 2)), Image.Resampling.BOX)
    return small.resize(image.size, Image.Resampling.BILINEAR)


# In the order in which they come about: before the lens, in it, in the camera, and in the file.
KINDS: Final[dict[str, Damage]] = {
    "covered": cover,
    "glare": glare,
    "dark": darken,
    "faded": fade,
    "blur": blur,
    "motion": motion,
    "grain": grain,
    "luma noise": luma_noise,
    "colour noise": colour_noise,
    "salt": salt,
    "tiny": shrink,
    "pixelated": pixelate,
    "one bit": one_bit,
    "compressed": compress,
    "cut off": cut,
}


def _between(least: float, most: float, amount: float) -> float:
    return least + (most - least) * amount


def _image(pixels: npt.NDArray[np.generic]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _grain(image: Image.Image, channels: int, dice: Dice) -> Pixels:
    """Normal noise, float64 ``(H, W, channels)``; its grains are one to two pixels large."""
    coarse = dice.uniform(1, 2) if dice.random() < 0.5 else 1
    rows = (np.arange(image.height) / coarse).astype(int)
    columns = (np.arange(image.width) / coarse).astype(int)
    return np.asarray(dice.standard_normal((rows[-1] + 1, columns[-1] + 1, channels))[rows][:, columns])


def _colour(dice: Dice) -> tuple[int, int, int, int]:
    red, green, blue = (int(dice.integers(0, 256)) for _ in range(3))
    return red, green, blue, 255


def _skin(dice: Dice) -> tuple[int, int, int, int]:
    light = dice.uniform(0.3, 1)
    return round(235 * light), round((165 + 40 * light) * light), round((120 + 50 * light) * light), 255


def _sunglasses(draw: ImageDraw.ImageDraw, face: Square, amount: float, dice: Dice) -> None:
    left, top, side = face
    high, wide, dark = _between(0.06, 0.17, amount), _between(0.1, 0.19, amount), int(dice.integers(0, 70))
    alpha = round(_between(130, 255, min(2 * amount, 1)))
    colour = (dark, int(dark * dice.uniform(0.6, 1)), int(dark * dice.uniform(0.5, 1.2)), alpha)
    round_glass = dice.random() < 0.5
    for x in (0.318, 0.677):
        box = [
            left + side * (x - wide),
            top + side * (0.315 - high),
            left + side * (x + wide),
            top + side * (0.315 + high),
        ]
        if round_glass:
            draw.ellipse(box, fill=colour)
        else:
            draw.rounded_rectangle(box, radius=side * high * 0.5, fill=colour)
    draw.line(
        [(left, top + side * 0.28), (left + side, top + side * 0.28)], fill=colour, width=max(round(side * 0.02), 1)
    )


def _mask(draw: ImageDraw.ImageDraw, face: Square, amount: float, dice: Dice) -> None:
    left, top, side = face
    upper = _between(0.64, 0.4, amount)
    points = [
        (0.12, upper + 0.06),
        (0.5, upper),
        (0.88, upper + 0.06),
        (0.86, 0.8),
        (0.66, 1.02),
        (0.34, 1.02),
        (0.14, 0.8),
    ]
    colour = _colour(dice)
    draw.polygon([(left + side * x, top + side * y) for x, y in points], fill=colour)
    darker = (*(round(part * 0.8) for part in colour[:3]), 255)
    for y in np.linspace(upper + 0.12, 0.92, int(dice.integers(0, 5))):
        draw.line([(left + side * 0.2, top + side * y), (left + side * 0.8, top + side * y)], fill=darker, width=1)


def _hand(draw: ImageDraw.ImageDraw, face: Square, amount: float, dice: Dice) -> None:
    """A palm and four fingers, from any side."""
    left, top, side = face
    size = side * _between(0.2, 0.5, amount)
    x, y = left + side * dice.uniform(0.2, 0.8), top + side * dice.uniform(0.3, 0.9)
    red, green, blue, _ = skin = _skin(dice)
    draw.ellipse([x - size * 0.6, y - size * 0.6, x + size * 0.6, y + size * 0.6], fill=skin)
    turn = dice.uniform(0, 2 * math.pi)
    for finger in range(4):
        angle = turn + (finger - 1.5) * dice.uniform(0.2, 0.35)
        end = (x + 1.5 * size * math.cos(angle), y + 1.5 * size * math.sin(angle))
        shade = 0.88 if finger % 2 else 1.0
        draw.line(
            [(x, y), end],
            fill=(round(red * shade), round(green * shade), round(blue * shade), 255),
            width=max(round(size * 0.3), 1),
        )


def _object(draw: ImageDraw.ImageDraw, face: Square, amount: float, dice: Dice) -> None:
    """A cup, a phone, a microphone, another's head: a patch of one colour."""
    left, top, side = face
    area = _between(0.05, 0.55, amount)
    wide = side * math.sqrt(area * dice.uniform(0.5, 2))
    high = side * side * area / wide
    x, y = left + side * dice.uniform(0.15, 0.85), top + side * dice.uniform(0.2, 0.9)
    box = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]
    shape = draw.ellipse if dice.random() < 0.5 else draw.rectangle
    shape(box, fill=_colour(dice))
