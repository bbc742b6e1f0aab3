"""Small nets for seven expressions: fully connected, convolutional, residual, and on edges instead of pixels.

After the K-pop project, which recognised stars' expressions with nets of this size. It trained on the Toronto Face
Database, which cannot be had; here FER2013 is used with the votes of ten people on each face (FER+, Barsoum et al.
2016) as targets. A face is 32 × 32 grey pixels. Scored are the faces of ``val`` on which most voters agree.

``TRAIN`` faces and 8 epochs keep the whole table, 33 trainings, to minutes of one core.
"""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.feature import canny
from torch import Tensor, nn

from training.data.labels import VOTED
from training.data.tables import rows
from training.fit import fit
from training.measure.metrics import accuracy, balanced_accuracy
from training.nets.small import SIDE, convolutional, fully_connected
from training.recipes.study import Case, Outcome, Study, Trial

CLASSES: Final = len(VOTED)
NOT_A_FACE: Final = 9
SEEDS: Final = (0, 1, 2)
TRAIN: Final = 10_000
EPOCHS: Final = 8

# Each variant's net.
NETS: Final[dict[str, Callable[[], nn.Module]]] = {
    "FC 16": lambda: fully_connected(1, 16, CLASSES),
    "FC 32": lambda: fully_connected(1, 32, CLASSES),
    "FC 64": lambda: fully_connected(1, 64, CLASSES),
    "FC 128": lambda: fully_connected(1, 128, CLASSES),
    "FC 128 on edges": lambda: fully_connected(1, 128, CLASSES),
    "2 convolutions": lambda: convolutional(1, 2, CLASSES),
    "2 convolutions, residual": lambda: convolutional(1, 2, CLASSES, residual=True),
    "3 convolutions": lambda: convolutional(1, 3, CLASSES),
    "3 convolutions, residual": lambda: convolutional(1, 3, CLASSES, residual=True),
    "3 convolutions, with edges": lambda: convolutional(2, 3, CLASSES),
    "3 convolutions on edges": lambda: convolutional(1, 3, CLASSES),
}


def run(trial: Trial) -> Outcome:
    table, channels = trial.data / "fer2013.parquet", name_channels(trial.case.variant)
    pictures, votes = read_faces(table, "train", TRAIN, channels)
    tested, tested_votes = read_faces(table, "val", None, channels)
    # The share of votes for each of the seven is the target, so that a mixed expression is learned as one.
    targets = votes / votes.sum(dim=1, keepdim=True)

    torch.manual_seed(trial.case.seed)
    net = NETS[trial.case.variant]().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch_loss(chosen: Tensor) -> Tensor:
        logits = net(mirror_half(pictures[chosen]))
        return F.cross_entropy(logits, targets[chosen])

    fit(
        net,
        len(pictures),
        batch_loss,
        epochs=trial.epochs or EPOCHS,
        rate=2e-3,
        seed=trial.case.seed,
        checkpoint=trial.checkpoint,
        batch_size=128,
    )
    with torch.inference_mode():
        answers = net(tested).argmax(dim=1).numpy()
    true = tested_votes.argmax(dim=1).numpy()
    agreed = (tested_votes.amax(dim=1) > 5).numpy()
    scores = {
        "accuracy": accuracy(answers[agreed], true[agreed]),
        "balanced accuracy": balanced_accuracy(answers[agreed], true[agreed]),
    }
    about = {"train": len(pictures), "test": int(agreed.sum()), "weights": sum(p.numel() for p in net.parameters())}
    return Outcome(scores, about=about)


def mirror_half(pictures: Tensor) -> Tensor:
    """Mirrors every second picture of a shuffled batch."""
    pictures[::2] = pictures[::2].flip(3)
    return pictures


def name_channels(variant: str) -> tuple[str, ...]:
    """What a variant sees of a face."""
    if "edges" not in variant:
        return ("grey",)
    return ("edges",) if variant.endswith("on edges") else ("grey", "edges")


@cache
def read_faces(table: Path, split: str, limit: int | None, channels: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Pictures float32 ``(N, C, 32, 32)`` in [-0.5, 0.5] and votes for the seven ``(N, 7)``, of the faces that voters
    took for faces that show one of the seven."""
    pictures, votes = [], []
    for _, row in rows(table, split, limit):
        counts = row["votes"]
        if max(counts) != counts[NOT_A_FACE] and sum(counts[:CLASSES]) >= 3:
            pictures.append(draw_channels(row["image"], channels))
            votes.append(counts[:CLASSES])
    seen = torch.from_numpy(np.stack(pictures)).float() / 255 - 0.5
    return seen.contiguous(memory_format=torch.channels_last), torch.tensor(votes, dtype=torch.float32)


def draw_channels(data: bytes, channels: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """uint8 ``(C, 32, 32)``; edges are Canny's (1986) on the whole picture, white on black, before it is shrunk."""
    whole = Image.open(io.BytesIO(data)).convert("L")
    drawn = []
    for channel in channels:
        pixels = whole
        if channel == "edges":
            edges = canny(np.asarray(whole, np.float32) / 255, sigma=1.0)  # type: ignore[no-untyped-call]
            pixels = Image.fromarray(edges.astype(np.uint8) * 255)
        drawn.append(np.asarray(pixels.resize((SIDE, SIDE), Image.Resampling.BOX)))
    return np.stack(drawn)


RECIPE = Study(
    name="fer-small",
    paper="the K-pop project (fully connected and convolutional nets on the Toronto Face Database)",
    labels=("votes",),
    cases=tuple(Case(variant, "fer2013", seed=seed) for variant in NETS for seed in SEEDS),
    run=run,
)
