"""Cuts damaged chips of labelled faces, and asks the published attribute net which of its answers stay right."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load
from tqdm import tqdm

from cv.engine.align import Similarity
from cv.engine.config import EngineConfig
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.manifest import Calibration, read_manifest
from cv.engine.nets.attribute_net import CHIP_PX, AttributeNet
from cv.engine.readers.attributes import calibrated
from cv.engine.traits import TRAITS
from training.data.chips import Crop, load_faces
from training.data.damage import KINDS, Dice
from training.data.labels import Labels
from training.nets.branch import published_file
from training.precision import autocast

Chips = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Values = dict[Attribute, Floats]

CROP: Final = Crop()
# Chips of a face: as it is, and damaged ones.
VERSIONS: Final = 7
# The share of the damaged chips that are damaged twice, and what comes more often than its turn.
TWICE: Final = 0.3
OFTEN: Final = {"covered": 0.1, "compressed": 0.1, "grain": 0.05}
# Counts as no damage, whatever the net answers.
HARMLESS: Final = "grain"
# The cascade's landmarks are off by about this much: degrees, and shares of the chip's side.
_TURN, _SCALE, _SHIFT = 5.0, 0.05, 0.025
# An answer is right if it is this near the label: years or a share of the age, and points of 1–10.
AGE_YEARS, AGE_SHARE, BEAUTY_POINTS = 5.0, 0.2, 0.75
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Damaged:
    """Chips as served, uint8 RGB ``(N, S, S, 3)``; which of the net's answers are right, bool ``(N, answers)``; the
    amount of each kind of damage, 0 without it, float32 ``(N, len(KINDS))``."""

    chips: Chips
    right: npt.NDArray[np.bool_]
    amounts: Floats


def load_damaged(table: Path, split: str, count: int, weights_dir: Path, cache: Path) -> Damaged:
    """``count`` faces of a table in VERSIONS versions each, from the cache if they were made before with these weights.

    Only faces count whose labels the net answers rightly on the chip as it is. There, an answer without a label is
    taken for right. Raises OSError if the table cannot be read.
    """
    file = cache / f"damaged-{table.stem}-{split}-{count}-{published_file(weights_dir).sha256[:8]}.npz"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = _make(table, split, count, weights_dir, cache)
        part = file.with_suffix(".part.npz")
        np.savez(part, chips=made.chips, right=made.right, amounts=made.amounts)
        part.rename(file)
    with np.load(file) as stored:
        return Damaged(stored["chips"], stored["right"], stored["amounts"])


def _make(table: Path, split: str, count: int, weights_dir: Path, cache: Path) -> Damaged:
    faces = load_faces(table, split, EngineConfig(threads=1), cache, CROP)
    answer = _Answering(weights_dir)
    chosen = np.sort(np.random.default_rng(1).permutation(len(faces))[: 2 * count])
    plain = np.stack([_centre(faces.chips[i]) for i in chosen])
    answers = answer(plain, np.zeros(len(plain)))
    truth = _truth(answers, faces.labels, chosen)
    good = np.flatnonzero(find_right(answers, truth).all(axis=1))[:count]
    chips, amounts, tiny = [], [], []
    for at in tqdm(good, desc=f"damage of {table.stem} {split}", unit="face"):
        for amount, chip in _versions(faces.chips[chosen[at]], np.random.default_rng(int(chosen[at]))):
            chips.append(chip)
            amounts.append(amount)
            tiny.append(_smallness(amount))
    truths = {attribute: np.repeat(values[good], VERSIONS) for attribute, values in truth.items()}
    stacked, drawn = np.stack(chips), np.array(amounts, np.float32)
    right = find_right(answer(stacked, np.array(tiny)), truths)
    right[is_harmless(drawn)] = True
    return Damaged(stacked, right, drawn)


def is_harmless(amounts: Floats) -> npt.NDArray[np.bool_]:
    """Which chips have no damage that counts, bool ``(N,)``."""
    return np.asarray(np.delete(amounts, list(KINDS).index(HARMLESS), axis=1).max(axis=1) == 0)


def _versions(cached: Chips, dice: Dice) -> Iterator[tuple[Floats, Chips]]:
    """The amounts of damage and the chip: first the chip as it is, then damaged ones."""
    yield np.zeros(len(KINDS), np.float32), _centre(cached)
    for _ in range(VERSIONS - 1):
        amounts = draw_amounts(dice)
        yield amounts, damage_chip(cached, amounts, dice)


def draw_amounts(dice: Dice) -> Floats:
    amounts = np.zeros(len(KINDS), np.float32)
    kinds = dice.permutation(len(KINDS))[: 2 if dice.random() < TWICE else 1]
    draw = dice.random()
    for kind, share in OFTEN.items():
        if 0 <= draw < share:
            kinds[0] = list(KINDS).index(kind)
        draw -= share
    amounts[kinds] = np.maximum(dice.random(len(kinds)), 0.01)
    return amounts


def damage_chip(cached: Chips, amounts: Floats, dice: Dice) -> Chips:
    """The served chip of a cached one, a little displaced, with every kind of damage in the order of KINDS."""
    image = Image.fromarray(cached)
    margin, centre = CROP.margin, CROP.cached / 2 * (1 + 1j)
    turned = math.exp(dice.uniform(-_SCALE, _SCALE)) * np.exp(1j * math.radians(dice.uniform(-_TURN, _TURN)))
    shift = complex(*dice.uniform(-_SHIFT, _SHIFT, 2)) * CROP.size
    back = Similarity(complex(turned), centre - turned * centre + shift)
    image = image.transform(
        image.size,
        Image.Transform.AFFINE,
        (back.a.real, -back.a.imag, back.b.real, back.a.imag, back.a.real, back.b.imag),
        resample=Image.Resampling.BILINEAR,
    )
    for amount, damage in zip(amounts.tolist(), KINDS.values(), strict=True):
        if amount:
            image = damage(image, (margin, margin, CROP.size), amount, dice)
    return _centre(np.asarray(image))


def _smallness(amounts: Floats) -> float:
    """The trait ``small`` of a chip with this damage."""
    amount = float(amounts[list(KINDS).index("tiny")])
    return min(max(math.log2(CHIP_PX / 60) + amount * math.log2(60 / 7), 0), 3) if amount else 0


def _centre(cached: Chips) -> Chips:
    end = CROP.margin + CROP.size
    return cached[CROP.margin : end, CROP.margin : end]


class _Answering:
    """The published net in PyTorch, calibrated, on chips without their mirror images: labels need no more."""

    def __init__(self, weights_dir: Path) -> None:
        state = load(published_file(weights_dir).read())
        self.net = AttributeNet(dict.fromkeys(key.split(".")[1] for key in state)).eval()
        self.net.load_state_dict(state)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.calibration: Calibration = read_manifest(weights_dir).default.calibration

    @torch.inference_mode()
    def __call__(self, chips: Chips, small: npt.NDArray[np.float64]) -> Values:
        """Classes and values by attribute, ``(N,)`` each. small: the trait of that name, ``(N,)``."""
        parts: list[list[Floats]] = []
        for start in tqdm(range(0, len(chips), _BATCH), desc="answers", unit="batch"):
            batch = torch.from_numpy(chips[start : start + _BATCH].transpose(0, 3, 1, 2).copy()).float()
            with autocast(torch.device("cpu")):
                heads = self.net(batch.contiguous(memory_format=torch.channels_last))
            parts.append([head.float().numpy() for head in heads])
        traits = np.zeros((len(chips), len(TRAITS)), np.float32)
        traits[:, TRAITS.index("small")] = small
        answers: Values = {}
        for attribute, logits in zip(map(Attribute, self.net.head_sizes), zip(*parts, strict=True), strict=True):
            shares = calibrated(np.concatenate(logits), traits, self.calibration, attribute)
            answers[attribute] = (
                shares.argmax(axis=1).astype(np.float32) if attribute in CLASSES else shares @ BINS[attribute]
            )
        return answers


def _truth(answers: Values, labels: Labels, chosen: npt.NDArray[np.int64]) -> Values:
    """The labels where they are known, else the answers."""
    truth = {}
    for attribute, own in answers.items():
        known = labels.known(attribute)[chosen]
        label = (labels.classes if attribute in CLASSES else labels.values)[attribute][chosen]
        truth[attribute] = np.where(known, label, own).astype(np.float32)
    return truth


def find_right(answers: Values, truth: Values) -> npt.NDArray[np.bool_]:
    """Which answers are right, bool ``(N, answers)``, in their order."""
    near = {Attribute.AGE: np.maximum(AGE_YEARS, AGE_SHARE * truth[Attribute.AGE]), Attribute.BEAUTY: BEAUTY_POINTS}
    return np.stack([np.abs(answers[name] - truth[name]) <= near.get(name, 0) for name in answers], axis=1)
