"""Photos for benchmarks without ``--photos``: fixed scenes made from faces in Python packages.

``python -m benchmarks.scenes FOLDER`` writes them: portraits, groups and crowds of Eileen Collins (scikit-image, NASA)
and Grace Hopper (Matplotlib, US Navy) at many sizes before scikit-image's pictures, 2 megapixels on average.
"""

import argparse
import hashlib
import random
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import matplotlib
import skimage.data
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

CACHE = Path(".cache")
COUNT, SEED = 40, 20261122
SIZES = ((1760, 1240), (1600, 1200), (2000, 1125), (1200, 1600), (1840, 1000))
BICUBIC = Image.Resampling.BICUBIC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    write_scenes(arguments.folder, arguments.count, arguments.seed)


def photos_or_scenes(photos: Path | None, cache: Path = CACHE, count: int = COUNT, seed: int = SEED) -> Path:
    """The given folder of photos, or without one the folder of scenes, which are written if they do not exist yet."""
    if photos is not None:
        return photos
    packages = [version(package) for package in ("matplotlib", "pillow", "scikit-image")]
    made_from = (Path(__file__).read_bytes(), packages, count, seed)
    folder = cache / f"bench-photos-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:12]}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        write_scenes(part, count, seed)
        part.rename(folder)
    return folder


def write_scenes(folder: Path, count: int = COUNT, seed: int = SEED) -> None:
    """``count`` JPEG files, the same for the same seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        # Seeded per photo, so that a larger set begins with the photos of a smaller one.
        dice = random.Random(seed * 1000 + i)  # noqa: S311  (nothing here is secret)
        kinds: tuple[Callable[[random.Random], Image.Image], ...] = (_portrait, _group, _portrait, _crowd)
        kinds[i % len(kinds)](dice).save(folder / f"scene-{i:03}.jpg", quality=dice.choice((85, 90, 93)))


def grid(faces: int, size: tuple[int, int], head_px: int = 160) -> Image.Image:
    """A picture of ``faces`` heads, each ``head_px`` pixels high, in rows on a background."""
    scene = ImageOps.fit(_picture("coffee"), size, BICUBIC)
    cell, margin = head_px * 5 // 4, head_px // 8
    columns = size[0] // cell
    for i in range(faces):
        head = _head(random.Random(i), head_px)  # noqa: S311
        scene.paste(head, (i % columns * cell + margin, i // columns * cell + margin))
    return scene


def _portrait(dice: random.Random) -> Image.Image:
    """One of the two people, full figure, as high as the picture."""
    width, height = dice.choice(SIZES)
    scene = _background(dice, width, height)
    person = _person(dice, dice.uniform(0.7, 1.0) * min(width, height))
    scene.paste(person, (dice.randint(0, width - person.width), height - person.height))
    return scene


def _group(dice: random.Random) -> Image.Image:
    """Two to six people side by side, in one or two rows."""
    width, height = dice.choice(SIZES)
    scene = _background(dice, width, height)
    columns, rows = dice.choice(((2, 1), (3, 1), (3, 2)))
    for i in range(columns * rows):
        person = _person(dice, min(width / columns, height / rows) * dice.uniform(0.75, 0.98))
        scene.paste(person, (i % columns * width // columns, i // columns * height // rows))
    return scene


def _crowd(dice: random.Random) -> Image.Image:
    """Up to twenty heads of 40 to 200 pixels; none overlap."""
    width, height = dice.choice(SIZES)
    scene = _background(dice, width, height)
    cell = 260
    places = [(x, y) for x in range(0, width - cell, cell) for y in range(0, height - cell, cell)]
    for x, y in dice.sample(places, min(len(places), dice.randint(6, 20))):
        head = _head(dice, dice.uniform(75, cell))
        scene.paste(head, (x + dice.randint(0, cell - head.width), y + dice.randint(0, cell - head.height)))
    return scene


def _picture(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)())


def _people() -> tuple[Image.Image, Image.Image]:
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return _picture("astronaut"), Image.open(hopper).convert("RGB")


def _person(dice: random.Random, height: float) -> Image.Image:
    return _vary(dice, dice.choice(_people()), height)


def _head(dice: random.Random, height: float) -> Image.Image:
    """The head with a margin: one and a half times as high as the face."""
    collins, hopper = _people()
    cropped = dice.choice((collins.crop((140, 20, 310, 210)), hopper.crop((100, 40, 430, 410))))
    return _vary(dice, cropped, height)


def _vary(dice: random.Random, person: Image.Image, height: float) -> Image.Image:
    """Varies light, side, focus and colour at random; at most ``height`` pixels on the longer side."""
    scale = height / max(person.size)
    person = person.resize((round(person.width * scale), round(person.height * scale)), BICUBIC)
    person = ImageEnhance.Brightness(person).enhance(dice.uniform(0.7, 1.25))
    person = ImageEnhance.Contrast(person).enhance(dice.uniform(0.75, 1.15))
    if dice.random() < 0.5:
        person = ImageOps.mirror(person)
    if dice.random() < 0.2:
        person = ImageOps.grayscale(person).convert("RGB")
    if dice.random() < 0.2:
        person = person.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 1.0)))
    return person


def _background(dice: random.Random, width: int, height: int) -> Image.Image:
    """Cuts a background from one of scikit-image's pictures without people, enlarged to fill the scene."""
    names = ("coffee", "chelsea", "rocket", "retina", "hubble_deep_field", "immunohistochemistry")
    picture = _picture(dice.choice(names))
    return ImageOps.fit(picture, (width, height), BICUBIC, centering=(dice.random(), dice.random()))


if __name__ == "__main__":
    main()
