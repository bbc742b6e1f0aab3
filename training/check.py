"""Trains the face check on the cascade's own mistakes and publishes it: ``python -m training.check --data DIR``.

Mining (``training.data.candidates``) reads the sets of SETS; its chips stay in ``--cache``. How the net's logit and the
cascade's score become a probability is fitted on the photos of ``fddb`` ``val``, in which every face is labelled. The
net has not seen them; the published measures come from five folds of the photos, each judged by a fit on the others.
"""

import argparse
import copy
import datetime
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from cv.engine.align import XCLOUD_5, crop_similarity, warp
from cv.engine.align import Crop as ServedCrop
from cv.engine.check import cascade_logits
from cv.engine.config import WEIGHTS_DIR, DetectThresholds, EngineConfig, Pack
from cv.engine.detect import Detector
from cv.engine.fields import MANIFEST
from cv.engine.nets.face_check import SIDE, FaceCheck
from cv.engine.runtime import load_detector
from training.data.augment import Augmentation, augment, centre
from training.data.candidates import Kind, mine_background, mine_portrait
from training.data.chips import Crop
from training.data.tables import rows
from training.measure.detection import (
    FALSE_IOU,
    MIN_FACE_PX,
    average_precision,
    confidence_error,
    intersect_over_union,
    match_greedily,
)
from training.nets.norms import add_norms, fold_norms
from training.publish.export import export_small, write_manifest
from training.publish.packs import LICENCES, SET_NAMES

Chips = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

VERSION: Final = "1.0.0"
# Tables with one face a picture, and how many of their training rows are mined.
SETS: Final = {"mebeauty": 800, "facial_expressions": 300, "fairface": 500, "utkface": 250, "allage": 50}
# Pictures without people that scikit-image ships; several parts of each are mined.
BACKGROUNDS: Final = (
    *("chelsea", "coffee", "rocket", "retina", "hubble_deep_field", "immunohistochemistry", "brick", "grass"),
    *("gravel", "coins", "moon", "horse", "clock", "page", "text", "colorwheel", "cell"),
)
PARTS: Final = 5
# The mining sees far more candidates than the service, whose thresholds of P- and R-Net stay as they are.
MINING: Final = DetectThresholds(proposal=0.5, refine=0.1, output=0.005)
# The template's square is SIDE / 1.5 pixels large; the cached chip has CROP.margin pixels more, to turn and shift.
SQUARE: Final = SIDE / 1.5
CROP: Final = Crop(SIDE, margin=9)
SERVED: Final = ServedCrop(XCLOUD_5, SIDE, (SIDE / SQUARE - 1) / 2)
CACHED: Final = ServedCrop(XCLOUD_5, CROP.cached, (CROP.cached / SQUARE - 1) / 2)
# The probability from which on a candidate stays.
THRESHOLD: Final = 0.8
FOLDS: Final = 5

# Steps of each of two rounds; the second starts from the first and learns at half the rate.
STEPS: Final = 300
BATCH: Final = 96
RATE: Final = 2e-3
DROPOUT: Final = 0.2
# Of the targets: mining takes a few faces for mistakes and a few mistakes for faces.
SMOOTHING: Final = 0.01
AUGMENT: Final = Augmentation(rotation_degrees=12, scale=0.1, shift=0.05, grey=0.2, low_resolution=0, erase=0.15)
# Share of the chips that are made coarse, and their pixels a side; those of one batch share one size in groups.
COARSE: Final = 0.3
COARSE_PX: Final = (8, 36)
GROUPS: Final = 8
SEED: Final = 1
# Between the rounds, mistakes with a higher logit are left out.
BYSTANDER: Final = 1.5


@dataclass(frozen=True, slots=True)
class Mined:
    """Cached chips, uint8 RGB ``(N, cached, cached, 3)``, and whether each is a face, bool ``(N,)``."""

    chips: Chips
    is_face: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Photo:
    """The candidates of a photo with ``faces`` labelled faces: their overlaps with each ``(N, M)``, the cascade's
    scores ``(N,)`` and their chips as served."""

    faces: int
    overlaps: Floats
    scores: Floats
    chips: Chips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--cache", type=Path, default=Path(".cache/check"))
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.cache.mkdir(parents=True, exist_ok=True)

    detector = load_detector(EngineConfig(threads=1))
    mined = mine(replace(detector, thresholds=MINING), arguments.data, arguments.cache)
    first = train(FaceCheck(DROPOUT), mined, arguments.steps, RATE)
    net = train(first, without_bystanders(mined, first), arguments.steps, RATE / 2)
    photos = find_candidates(detector, arguments.data / "fddb.parquet")
    logits = [logits_of(net, _tensor(photo.chips)) for photo in photos]
    fitted = fit(photos, logits)
    measures = cross_validate(photos, logits)
    print(json.dumps({"fit": fitted.round(3).tolist(), "cross-validated": measures}))
    publish(net, fitted, measures, mined, arguments.steps, arguments.weights_dir)


def mine(low: Detector, data: Path, cache: Path) -> Mined:
    """The candidates of all sets, each set from the cache if it was mined before."""
    parts = []
    for name in (*SETS, "backgrounds"):
        file = cache / f"{name}.npz"
        if not file.exists():
            pictures = _backgrounds() if name == "backgrounds" else _photos(data / f"{name}.parquet", SETS[name])
            take = mine_background if name == "backgrounds" else mine_portrait
            found = [
                candidate
                for number, image in tqdm(pictures, desc=name)
                for candidate in take(low, image, CACHED, np.random.default_rng(number))
                if candidate.kind is not Kind.UNSURE
            ]
            chips, is_face = np.stack([c.chip for c in found]), np.array([c.kind is Kind.FACE for c in found])
            np.savez(file.with_suffix(".part.npz"), chips=chips, is_face=is_face)
            file.with_suffix(".part.npz").rename(file)
        parts.append(np.load(file))
    return Mined(*(np.concatenate([part[key] for part in parts]) for key in ("chips", "is_face")))


def _photos(table: Path, count: int) -> Iterator[tuple[int, Image.Image]]:
    for number, row in rows(table, "train", count):
        yield number, Image.open(io.BytesIO(row["image"])).convert("RGB")


def _backgrounds() -> Iterator[tuple[int, Image.Image]]:
    import skimage.data

    dice = np.random.default_rng(SEED)
    for at, name in enumerate(BACKGROUNDS):
        picture = Image.fromarray(np.asarray(getattr(skimage.data, name)(), np.uint8)).convert("RGB")
        for part in range(PARTS):
            side = int(dice.uniform(0.3, 1) * min(picture.size))
            left, top = (int(dice.integers(0, length - side + 1)) for length in picture.size)
            size = int(dice.integers(150, 360))
            image = picture.crop((left, top, left + side, top + side)).resize((size, size))
            yield at * PARTS + part, image.rotate(90 * int(dice.integers(0, 4)))


def train(net: nn.Module, mined: Mined, steps: int, rate: float) -> nn.Module:
    """A copy of the net after ``steps`` batches, half faces and half mistakes, with its norms folded away."""
    torch.manual_seed(SEED)
    dice, generator = np.random.default_rng(SEED), torch.Generator().manual_seed(SEED)
    net = copy.deepcopy(net)
    add_norms(net, centre(_tensor(mined.chips[:256]), CROP, SIDE))
    net.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    kinds = [np.flatnonzero(mined.is_face), np.flatnonzero(~mined.is_face)]
    bar = tqdm(range(steps), unit="step")
    for step in bar:
        chosen = np.concatenate([dice.choice(kind, BATCH // 2) for kind in kinds])
        dice.shuffle(chosen)
        chips = augment(_tensor(mined.chips[chosen]), AUGMENT, generator, CROP, SIDE)
        targets = torch.from_numpy(mined.is_face[chosen]).float() * (1 - 2 * SMOOTHING) + SMOOTHING
        chips = _coarsen(chips, dice).contiguous(memory_format=torch.channels_last)
        loss = F.binary_cross_entropy_with_logits(net(chips)[0][:, 0], targets)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 100) * (0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        bar.set_postfix(loss=f"{float(loss.detach()):.3f}")
    return fold_norms(net)


def without_bystanders(mined: Mined, net: nn.Module) -> Mined:
    """Without the mistakes that a first net takes for faces: most are people beside the one whose picture it is."""
    served = centre(_tensor(mined.chips), CROP, SIDE)
    stays = mined.is_face | (logits_of(net, served) < BYSTANDER)
    return Mined(mined.chips[stays], mined.is_face[stays])


def _coarsen(chips: Tensor, dice: np.random.Generator) -> Tensor:
    """Shrinks some groups of chips and enlarges them again, as small faces are."""
    parts = []
    for part in chips.chunk(GROUPS):
        if dice.random() < COARSE:
            size = int(dice.integers(*COARSE_PX))
            small = F.interpolate(part, size=(size, size), mode="area")
            part = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        parts.append(part)
    return torch.cat(parts)


def _tensor(chips: Chips) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(chips.transpose(0, 3, 1, 2))).float()


def find_candidates(detector: Detector, table: Path) -> list[Photo]:
    photos = []
    for _, row in tqdm(rows(table, "val"), desc=table.stem):
        image = Image.open(io.BytesIO(row["image"])).convert("RGB")
        found = detector.detect(image, MIN_FACE_PX, 1000)
        labelled = np.asarray(row["boxes"] or [], np.float64).reshape(-1, 4)
        boxes = [(f.box.x, f.box.y, f.box.x + f.box.width, f.box.y + f.box.height) for f in found]
        chips = [warp(image, crop_similarity(f.landmarks, SERVED), SIDE) for f in found]
        photos.append(
            Photo(
                len(labelled),
                intersect_over_union(np.asarray(boxes, np.float64).reshape(-1, 4), labelled),
                np.array([f.confidence for f in found]),
                np.array(chips, np.uint8).reshape(-1, SIDE, SIDE, 3),
            )
        )
    return photos


@torch.inference_mode()
def logits_of(net: nn.Module, chips: Tensor) -> Floats:
    """float32 RGB ``(N, 3, SIDE, SIDE)`` in [0, 255] → the net's logits ``(N,)``; N may be 0."""
    batches = [chips[i : i + 256] for i in range(0, len(chips), 256)]
    parts = [net.eval()(batch)[0][:, 0].numpy() for batch in batches]
    return np.concatenate([np.empty(0), *parts])


def fit(photos: list[Photo], logits: list[Floats], rounds: int = 50, ridge: float = 0.01) -> Floats:
    """Logistic regression (Newton's method) from both logits to "is a labelled face": bias, chip, cascade."""
    inputs = np.stack([np.concatenate(logits), cascade_logits(np.concatenate([p.scores for p in photos]))], axis=1)
    x = np.hstack([np.ones((len(inputs), 1)), inputs])
    y = np.concatenate([_is_face(photo) for photo in photos])
    weights, penalty = np.zeros(3), np.array([0, ridge, ridge])
    for _ in range(rounds):
        p = _sigmoid(x @ weights)
        slope = x.T @ (p - y) + penalty * weights
        weights = weights - np.linalg.solve((x.T * (p * (1 - p))) @ x + np.diag(penalty + 1e-6), slope)
    return np.asarray(weights, np.float64)


def cross_validate(photos: list[Photo], logits: list[Floats]) -> dict[str, float]:
    """What the service would answer if each fold's probabilities came from a fit on the other folds."""
    hits: list[bool] = []
    kept: list[float] = []
    best: list[float] = []
    for fold in range(FOLDS):
        others = [i for i in range(len(photos)) if i % FOLDS != fold]
        weights = fit([photos[i] for i in others], [logits[i] for i in others])
        for photo, chip in zip(photos[fold::FOLDS], logits[fold::FOLDS], strict=True):
            p = _sigmoid(weights @ [np.ones(len(chip)), chip, cascade_logits(photo.scores)])
            stays = p >= THRESHOLD
            hits += match_greedily(photo.overlaps[stays], p[stays].tolist())
            kept += p[stays].tolist()
            best += photo.overlaps[stays].max(axis=1, initial=0).tolist()
    faces = sum(photo.faces for photo in photos)
    return {
        "fddb.recall": round(sum(hits) / faces, 4),
        "fddb.ap": round(average_precision(hits, kept, faces), 4),
        "fddb.false_faces": round(float((np.array(best) < FALSE_IOU).mean()), 4),
        "fddb.confidence_ece": round(confidence_error(kept, best), 4),
    }


def _is_face(photo: Photo) -> npt.NDArray[np.bool_]:
    return np.asarray(photo.overlaps.max(axis=1, initial=0) >= FALSE_IOU)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float64)


def publish(
    net: nn.Module, fitted: Floats, measures: dict[str, float], mined: Mined, steps: int, weights_dir: Path
) -> None:
    """Writes the net twice and its entry in the manifest."""
    named, files = export_small(net, "face-check", SIDE)
    path = weights_dir / MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    bias, chip, cascade = (round(float(weight), 4) for weight in fitted)
    manifest["check"] = {
        "name": "xcloud-face-check",
        "version": VERSION,
        "architecture": "six 3 × 3 convolutions and two linear layers on the aligned chip with its surroundings",
        "licence": LICENCES[Pack.RESEARCH],
        "trained_on": [*(SET_NAMES[name] for name in SETS), "pictures without people from scikit-image"],
        "crop": {"template": XCLOUD_5.name, "size": SIDE, "margin": SERVED.margin},
        "threshold": THRESHOLD,
        "bias": bias,
        "chip": chip,
        "cascade": cascade,
        **named,
        "training": {
            "command": "python -m training.check --data DATA",
            "faces": int(mined.is_face.sum()),
            "mistakes": int((~mined.is_face).sum()),
            "steps": steps,
            "seed": SEED,
            "torch": torch.__version__,
            "date": datetime.date.today().isoformat(),
        },
        "metrics": measures,
    }
    write_manifest(path, manifest, files)


if __name__ == "__main__":
    main()
