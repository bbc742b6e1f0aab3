"""Trains the quality net on damaged chips and publishes it: ``python -m training.quality --data DIR``.

``training.data.damaged`` cuts the chips and asks the published attribute net which of its answers stay right. The net
learns whether all do, and which damage is there. The score's fit, the thresholds of the warnings and the published
measures come from people of ``val``, whose faces the net has not seen.
"""

import argparse
import copy
import datetime
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from cv.engine.align import XCLOUD_5
from cv.engine.config import WEIGHTS_DIR, Pack
from cv.engine.fields import MANIFEST
from cv.engine.nets.quality_net import QualityNet
from cv.engine.types import QualityWarning
from training.data.damage import KINDS
from training.data.damaged import CROP, VERSIONS, Damaged, load_damaged
from training.nets.norms import add_norms, fold_norms
from training.precision import autocast
from training.publish.export import export_small, find_entry, write_manifest
from training.publish.packs import LICENCES, SET_NAMES

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

VERSION: Final = "1.0.0"
# Tables, and how many of their faces are damaged: photos that are sharp at the size of a chip.
TRAIN: Final = {Pack.RESEARCH: {"mebeauty": 700, "utkface": 600}, Pack.OPEN: {"fairface": 1300}}
VAL: Final = {Pack.RESEARCH: {"mebeauty": 200, "utkface": 150}, Pack.OPEN: {"fairface": 350}}
# A warning applies from the second amount of each of its kinds of damage on, and does not up to the first; what lies
# between, and the kinds of UNCLEAR from an amount on, teach nothing of it. Grain and light compression are no damage.
CAUSES: Final[dict[QualityWarning, dict[str, tuple[float, float]]]] = {
    QualityWarning.BLURRED: {"blur": (0.2, 0.4), "motion": (0.2, 0.4)},
    QualityWarning.NOISY: {
        "luma noise": (0.06, 0.2),
        "colour noise": (0.06, 0.2),
        "salt": (0.06, 0.2),
        "one bit": (0, 0.2),
    },
    QualityWarning.PIXELATED: {"pixelated": (0.1, 0.3), "compressed": (0.4, 0.65)},
    QualityWarning.DARK: {"dark": (0.25, 0.5)},
    QualityWarning.OVEREXPOSED: {"glare": (0.12, 0.4)},
    QualityWarning.OCCLUDED: {"covered": (0, 0.3)},
}
UNCLEAR: Final[dict[QualityWarning, dict[str, float]]] = {
    QualityWarning.BLURRED: {"tiny": 0.3, "pixelated": 0.3, "compressed": 0.5, "dark": 0.8, "faded": 0.8},
    QualityWarning.NOISY: {"compressed": 0.6, "dark": 0.6, "glare": 0.8},
    QualityWarning.PIXELATED: {"one bit": 0, "tiny": 0.7},
    QualityWarning.DARK: {"faded": 0.5},
    QualityWarning.OVEREXPOSED: {"faded": 0.5, "one bit": 0},
    QualityWarning.OCCLUDED: {"cut off": 0, "pixelated": 0.6, "tiny": 0.7, "compressed": 0.8},
}
# Of undamaged and slightly damaged chips, each warning may wrongly be given to this share.
FALSE_WARNINGS: Final = 0.01

EPOCHS: Final = 8
BATCH: Final = 64
RATE: Final = 2e-3
DROPOUT: Final = 0.2
# Share of the chips that lose their colour.
GREY: Final = 0.15
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Fitted:
    """The score is the sigmoid of ``bias + slope·(its logit)``; a warning is given from its logit ``thresholds`` on."""

    slope: float
    bias: float
    thresholds: dict[QualityWarning, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--cache", type=Path, default=Path(".cache/chips"))
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    parser.add_argument("--pack", type=Pack, choices=list(Pack), default=Pack.RESEARCH)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    pack: Pack = arguments.pack
    folder = pack.folder(arguments.weights_dir)
    parts = {
        split: [
            load_damaged(arguments.data / f"{name}.parquet", split, count, folder, arguments.cache)
            for name, count in sets.items()
        ]
        for split, sets in (("train", TRAIN[pack]), ("val", VAL[pack]))
    }
    damaged = join(parts["train"])
    net = train(QualityNet(len(CAUSES), DROPOUT), damaged, arguments.epochs)
    held = join(parts["val"])
    logits = logits_of(net, held)
    fitted, measures = fit(logits, held), cross_validate(logits, held)
    print(json.dumps(measures, indent=1))
    publish(net, fitted, measures, len(damaged.chips), arguments.epochs, arguments.weights_dir, pack)


def join(parts: list[Damaged]) -> Damaged:
    return Damaged(
        np.concatenate([part.chips for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.amounts for part in parts]),
    )


def find_targets(damaged: Damaged) -> tuple[Floats, Bools]:
    """What the net shall say, ``(N, 1 + warnings)``: 0 or 1, and which of it is known."""
    kinds = list(KINDS)
    targets, known = [damaged.right.all(axis=1).astype(float)], [np.ones(len(damaged.chips), bool)]
    for warning, causes in CAUSES.items():
        applies, unclear = np.zeros((2, len(damaged.chips)), bool)
        for kind, (least, enough) in causes.items():
            amount = damaged.amounts[:, kinds.index(kind)]
            applies |= amount >= enough
            unclear |= (amount > least) & (amount < enough)
        for kind, least in UNCLEAR[warning].items():
            unclear |= damaged.amounts[:, kinds.index(kind)] > least
        targets.append(applies.astype(float))
        known.append(applies | ~unclear)
    return np.stack(targets, axis=1), np.stack(known, axis=1)


def train(net: nn.Module, damaged: Damaged, epochs: int) -> nn.Module:
    """A copy of the net after some epochs, with its norms folded away. Rare warnings weigh more."""
    torch.manual_seed(SEED)
    dice = np.random.default_rng(SEED)
    targets, known = (torch.from_numpy(part).float() for part in find_targets(damaged))
    share = (targets * known).sum(dim=0) / known.sum(dim=0)
    weight = ((1 - share) / share).clamp(1, 8)
    weight[0] = 1
    net = copy.deepcopy(net)
    add_norms(net, _tensor(damaged.chips[:256]))
    net.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.02)
    steps, step = epochs * (len(damaged.chips) // BATCH), 0
    for epoch in range(epochs):
        order = dice.permutation(len(damaged.chips))
        bar = tqdm(range(len(order) // BATCH), desc=f"epoch {epoch + 1}", unit="step", mininterval=5)
        total = 0.0
        for at in bar:
            chosen = np.sort(order[at * BATCH : (at + 1) * BATCH])
            chips = _vary(damaged.chips[chosen], dice).contiguous(memory_format=torch.channels_last)
            with autocast(torch.device("cpu")):
                logits = net(chips)[0].float()
            losses = F.binary_cross_entropy_with_logits(logits, targets[chosen], pos_weight=weight, reduction="none")
            loss = (losses * known[chosen]).sum(dim=1).mean()
            for group in optimizer.param_groups:
                group["lr"] = (
                    RATE * min(1, (step + 1) / 100) * (0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            total += float(loss.detach())
            bar.set_postfix(loss=f"{total / (at + 1):.3f}", refresh=False)
    return fold_norms(net)


def _vary(chips: npt.NDArray[np.uint8], dice: np.random.Generator) -> Tensor:
    """Mirrors half of the batches and takes the colour of some chips: both change nothing about their quality."""
    varied = _tensor(chips[:, :, ::-1] if dice.random() < 0.5 else chips)
    for i in np.flatnonzero(dice.random(len(chips)) < GREY):
        varied[i] = (varied[i] * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=0)
    return varied


def _tensor(chips: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(chips.transpose(0, 3, 1, 2))).float()


@torch.inference_mode()
def logits_of(net: nn.Module, damaged: Damaged) -> Floats:
    """The net's outputs ``(N, 1 + warnings)``."""
    chips = damaged.chips
    parts = [net.eval()(_tensor(chips[i : i + 64]))[0].numpy() for i in range(0, len(chips), 64)]
    return np.concatenate(parts).astype(np.float64)


def fit(logits: Floats, damaged: Damaged, rounds: int = 30) -> Fitted:
    """Platt's fit of the score (Newton's method), and the lowest thresholds that warn of few chips without cause."""
    targets, known = find_targets(damaged)
    x = np.stack([np.ones(len(logits)), logits[:, 0]], axis=1)
    weights = np.zeros(2)
    for _ in range(rounds):
        p = _sigmoid(x @ weights)
        weights = weights - np.linalg.solve((x.T * (p * (1 - p))) @ x + np.eye(2) * 1e-6, x.T @ (p - targets[:, 0]))
    thresholds = {}
    for at, warning in enumerate(CAUSES, start=1):
        without = logits[known[:, at] & (targets[:, at] == 0), at]
        thresholds[warning] = max(float(np.quantile(without, 1 - FALSE_WARNINGS)), 0.0)
    return Fitted(float(weights[1]), float(weights[0]), thresholds)


def cross_validate(logits: Floats, damaged: Damaged) -> dict[str, float]:
    """What fits on one half of the people give on the other."""
    half = np.arange(len(logits)) // VERSIONS % 2 == 0
    targets, known = find_targets(damaged)
    scores, warned = np.zeros(len(logits)), np.zeros_like(targets, bool)
    for seen in (half, ~half):
        fitted = fit(logits[seen], Damaged(damaged.chips[seen], damaged.right[seen], damaged.amounts[seen]))
        scores[~seen] = _sigmoid(fitted.bias + fitted.slope * logits[~seen, 0])
        warned[~seen, 1:] = logits[~seen, 1:] >= list(fitted.thresholds.values())
    right = targets[:, 0]
    measures = {
        "damaged.score_pearson": float(np.corrcoef(scores, damaged.right.mean(axis=1))[0, 1]),
        "damaged.score_ece": _calibration_error(scores, right),
        "damaged.score_auc": _auc(scores, right),
    }
    for at, warning in enumerate(CAUSES, start=1):
        applies = targets[:, at] == 1
        measures[f"damaged.{warning}_recall"] = float(warned[applies, at].mean())
        measures[f"damaged.{warning}_false"] = float(warned[known[:, at] & ~applies, at].mean())
    return {name: round(value, 4) for name, value in measures.items()}


def _auc(scores: Floats, right: Floats) -> float:
    """The chance that a chip whose answers are right scores higher than another."""
    order = scores.argsort().argsort() + 1
    positive = right == 1
    n, m = positive.sum(), (~positive).sum()
    return float((order[positive].sum() - n * (n + 1) / 2) / (n * m))


def _calibration_error(scores: Floats, right: Floats, bins: int = 10) -> float:
    at = np.minimum((scores * bins).astype(int), bins - 1)
    members = [at == i for i in range(bins) if (at == i).any()]
    return float(sum(m.mean() * abs(scores[m].mean() - right[m].mean()) for m in members))


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float64)


def publish(
    net: nn.Module, fitted: Fitted, measures: dict[str, float], chips: int, epochs: int, weights_dir: Path, pack: Pack
) -> None:
    """Writes the net twice and its entry in the manifest."""
    path = pack.folder(weights_dir) / MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    named, files = export_small(net, "quality", CROP.size)
    answered = find_entry(manifest)
    manifest["quality"] = {
        "name": "xcloud-quality",
        "version": VERSION,
        "architecture": "four convolutions and two linear layers on the chip of the attributes",
        "licence": LICENCES[pack],
        "trained_on": [SET_NAMES[name] for name in TRAIN[pack]],
        "crop": {"template": XCLOUD_5.name, "size": CROP.size, "margin": 0.0},
        "slope": round(fitted.slope, 4),
        "bias": round(fitted.bias, 4),
        "thresholds": {warning.value: round(logit, 3) for warning, logit in fitted.thresholds.items()},
        **named,
        "training": {
            "command": "python -m training.quality --data DATA",
            "answers_of": f"{answered['name']} {answered['version']}",
            "chips": chips,
            "epochs": epochs,
            "seed": SEED,
            "torch": torch.__version__,
            "date": datetime.date.today().isoformat(),
        },
        "metrics": measures,
    }
    write_manifest(path, manifest, files)


if __name__ == "__main__":
    main()
