"""Each kind of damage grows with its amount and keeps the picture's size."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from training.data.damage import KINDS

PORTRAIT = Image.fromarray(data.astronaut()).crop((130, 20, 320, 210))
SQUARE = (20.0, 20.0, 150.0)


def harm(kind: str, amount: float, seed: int = 2) -> float:
    """The mean difference of the face's pixels, of 255; with a kind's draws alike for all amounts."""
    damaged = KINDS[kind](PORTRAIT, SQUARE, amount, np.random.default_rng(seed))
    assert damaged.size == PORTRAIT.size
    assert damaged.mode == "RGB"
    face = slice(20, 170)
    return float(np.abs(np.asarray(damaged, float) - np.asarray(PORTRAIT, float))[face, face].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_amount_does_more_harm_than_a_small_one(kind: str) -> None:
    least, some, most = (np.mean([harm(kind, amount, seed) for seed in range(4)]) for amount in (0.05, 0.5, 1.0))

    assert 0 < least < some < most


def test_squares_have_one_colour() -> None:
    pixels = np.asarray(KINDS["pixelated"](PORTRAIT, SQUARE, 1.0, np.random.default_rng(1)))

    # About 10 squares a side of 190 pixels: a colour for each.
    assert 80 <= len(np.unique(pixels.reshape(-1, 3), axis=0)) <= 140


def test_a_screen_leaves_black_and_white() -> None:
    pixels = np.asarray(KINDS["one bit"](PORTRAIT, SQUARE, 0.5, np.random.default_rng(1)))

    assert ((pixels < 8) | (pixels > 247)).mean() > 0.95


def test_darkness_takes_light_and_glare_gives_it() -> None:
    light = np.asarray(PORTRAIT).mean()
    dark, bright = (
        np.asarray(KINDS[kind](PORTRAIT, SQUARE, 1.0, np.random.default_rng(1))).mean() for kind in ("dark", "glare")
    )

    assert dark < 0.1 * light
    assert bright > 1.4 * light


def test_what_covers_a_face_leaves_the_rest_as_it_is() -> None:
    covered = np.asarray(KINDS["covered"](PORTRAIT, SQUARE, 0.5, np.random.default_rng(1)), float)

    changed = (np.abs(covered - np.asarray(PORTRAIT, float)).sum(axis=2) > 0)[20:170, 20:170].mean()
    assert 0.02 < changed < 0.6
