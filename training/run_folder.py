"""The folder of a run: its checkpoint, best weights and log, each replaced atomically."""

import csv
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from training.recipes.recipe import Recipe

Weights = dict[str, Tensor]

BEST: Final = "best.safetensors"
CHECKPOINT: Final = "checkpoint.pt"
LOG: Final = "log.csv"


@dataclass(slots=True)
class Progress:
    """Where a run started and how far it is. ``best`` is the score of the file BEST, which may hold a mean of epochs;
    ``best_epoch`` has the weights of the best single epoch."""

    started_from: str
    taught_by: str | None
    epoch: int = 0
    best: float = -math.inf
    best_epoch: Weights = field(default_factory=dict)
    mixed: bool = False


_PLACE: Final = tuple(entry.name for entry in fields(Progress))


def save_checkpoint(
    out: Path, recipe: Recipe, progress: Progress, net: nn.Module, average: nn.Module, optimizer: Optimizer
) -> None:
    """Replaces the checkpoint; if the disk is full, the earlier one stays."""
    state = {"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
    place = {name: getattr(progress, name) for name in _PLACE}
    part = out / "checkpoint.part"
    torch.save({"config": recipe.as_json()} | state | place, part)
    part.rename(out / CHECKPOINT)


def resume(
    out: Path, recipe: Recipe, progress: Progress, net: nn.Module, average: nn.Module, optimizer: Optimizer
) -> Progress:
    """Loads the run's checkpoint; without one, changes nothing.

    Raises SystemExit if the checkpoint is of another recipe or teacher.
    """
    path = out / CHECKPOINT
    if not path.exists():
        return progress
    state = torch.load(path, weights_only=True, map_location="cpu")
    if state["config"] != recipe.as_json():
        raise SystemExit(f"{path} is a run of another recipe; choose another --out")
    if state["taught_by"] != progress.taught_by:
        raise SystemExit(
            f"{path} learned from {state['taught_by']}, not from {progress.taught_by}; choose another --out"
        )
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**{name: state[name] for name in _PLACE})


def save_best(out: Path, weights: Weights) -> None:
    """Replaces the best weights."""
    part = out / "best.part"
    save_file(weights, part)
    part.rename(out / BEST)


def cut_log(out: Path, epoch: int) -> None:
    """Drops the lines after ``epoch``: those epochs will be trained and logged again."""
    path = out / LOG
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    kept = [line for line in lines[1:] if int(line.split(b",")[0]) <= epoch]
    if not kept:
        path.unlink(missing_ok=True)
        return
    part = path.with_suffix(".part")
    part.write_bytes(b"".join([lines[0], *kept]))
    part.rename(path)


def append_log(out: Path, row: dict[str, float]) -> None:
    """Adds an epoch's line, below a header if it is the first, and prints it."""
    path = out / LOG
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow({name: round(value, 5) for name, value in row.items()})
    print(" ".join(f"{name}={value:.4g}" for name, value in row.items()), flush=True)
