"""Trains a branch of the attribute net; read it from top to bottom.

``python -m training.train --config identity --data DIR``

A run is a folder: ``checkpoint.pt`` (the last whole epoch, to resume from), ``best.safetensors`` (the moving average
of the weights with the best score on ``val``, or the mean of those and the last ones), ``log.csv`` and ``curves.png``.
Where the configuration has a teacher, that is the published net.
Everything random is drawn from the seed, the epoch and the step, so a run that was killed and resumed takes the same
path as one that was not.
"""

import argparse
import copy
import csv
import dataclasses
import hashlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, load_file, save_file
from torch import Tensor
from tqdm import tqdm

from cv.engine.attributes import softmax
from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.nets.attribute_net import BRANCHES, Branch, MirrorAveraged
from cv.engine.weights import read_manifest
from training.data.augment import augment, centre, mixed
from training.data.chips import Faces, load_faces
from training.data.labels import Labels
from training.data.teacher import taught
from training.losses import multitask_loss, smoothed
from training.measure.curves import plot, read_log
from training.measure.metrics import accuracy, mean_absolute_error, pearson
from training.nets.dlib_weights import pretrained_face_resnet
from training.nets.norms import add_norms, without_norms
from training.recipes.recipe import CONFIGS, PUBLISHED, TrainConfig

Scores = dict[str, float]
Weights = dict[str, Tensor]

BEST = "best.safetensors"

_CHIPS_FOR_NORMS = 256
# With instructions that multiply it bfloat16 takes 0.6 of single precision's time, and without more than all of it.
_FAST_BFLOAT16 = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", choices=CONFIGS, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--cache", type=Path, default=Path(".cache/chips"))
    parser.add_argument("--out", type=Path, help="folder of the run; default runs/CONFIG")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR, help="published ones, to start or learn from")
    parser.add_argument("--compile", action="store_true", help="compile the net: a minute first, then faster")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = CONFIGS[arguments.config]
    out = arguments.out or Path("runs") / config.name

    engine = EngineConfig(threads=arguments.threads)
    tables = {name: arguments.data / f"{name}.parquet" for name in config.repeats}
    train_sets = {name: load_faces(table, "train", engine, arguments.cache) for name, table in tables.items()}
    val_sets = {name: load_faces(table, "val", engine, arguments.cache) for name, table in tables.items()}
    run = Run(config, out, train_sets, val_sets, arguments.weights_dir)
    if arguments.compile:
        run.net.compile()
    run.train()


class Run:
    """A branch, its optimiser and its place in the schedule."""

    def __init__(
        self,
        config: TrainConfig,
        out: Path,
        train: dict[str, Faces],
        val: dict[str, Faces],
        weights_dir: Path = WEIGHTS_DIR,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.out, self.sets, self.val = config, out, dict(train), val
        self.net, self.started_from = self._started(weights_dir)
        self.taught_by = self._learn_from_teacher(weights_dir)
        self.net.trunk[: config.frozen].requires_grad_(False)
        add_norms(self.net, self._first_chips())
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.net)
        heads = list(self.net.heads.parameters())
        trunk_parameters = [p for name, p in self.net.named_parameters() if not name.startswith("heads.")]
        self.optimizer = torch.optim.AdamW(
            [{"params": trunk_parameters, "peak": config.trunk_rate}, {"params": heads, "peak": config.head_rate}],
            weight_decay=config.weight_decay,
        )
        self.steps_an_epoch = sum(len(train[n]) * k for n, k in config.repeats.items()) // config.batch_size
        self.epoch, self.best, self.mixed = 0, -math.inf, False
        self.best_epoch: Weights = {}
        out.mkdir(parents=True, exist_ok=True)
        self._resume()
        self._cut_log()

    def _learn_from_teacher(self, weights_dir: Path) -> str | None:
        """Mixes the answers of the published net into the targets, and says which net that was."""
        if not self.config.teacher_share:
            return None
        attributes = BRANCHES[self.config.branch]
        for name, faces in self.sets.items():
            self.sets[name] = taught(faces, weights_dir, attributes, self.config.teacher_share)
        card = read_manifest(weights_dir).card
        return f"{card.name} {card.version}, sha256 {card.sha256}"

    def _started(self, weights_dir: Path) -> tuple[Branch, str]:
        """The branch with the weights that it starts from, and which these are."""
        net = Branch(self.config.branch, self.config.dropout)
        if self.config.start is None:
            net.start_from(pretrained_face_resnet()[0])
            return net, "dlib's face-recognition ResNet"
        if self.config.start == PUBLISHED:
            published = weights_dir / "attributes.safetensors"
            net.load_state_dict(published_state(weights_dir, self.config.branch))
            return net, f"{published.name}, sha256 {hashlib.sha256(published.read_bytes()).hexdigest()}"
        net.load_state_dict(load_file(self.out.parent / self.config.start / BEST))
        return net, f"the run {self.config.start}"

    def _first_chips(self) -> Tensor:
        chips, _ = self._batch(self._order(epoch=0)[:_CHIPS_FOR_NORMS])
        return centre(chips, self.net.side)

    def train(self, epochs: int | None = None) -> None:
        """Trains to the end of the schedule, or only so many epochs of it."""
        last = self.config.epochs if epochs is None else min(self.config.epochs, self.epoch + epochs)
        while self.epoch < last:
            started = time.monotonic()
            losses = self._train_epoch()
            scores = evaluate(self.average, self.val)
            self.epoch += 1
            self._log({"epoch": self.epoch, "seconds": time.monotonic() - started} | losses | scores)
            weights = without_norms(self.average).state_dict()
            if self._keep_if_better(overall(scores), weights):
                self.best_epoch = weights
            self._checkpoint()
            plot(read_log(self.out / "log.csv"), self.out / "curves.png")
        if self.epoch == self.config.epochs and not self.mixed:
            self._mix_best_and_last()
            self.mixed = True
            self._checkpoint()

    def _keep_if_better(self, score: float, weights: Weights) -> bool:
        if not score > self.best:
            return False
        self.best = score
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, self.out / "best.part")
        (self.out / "best.part").rename(self.out / BEST)
        return True

    def _mix_best_and_last(self) -> None:
        """The mean of two epochs of one run is often better than either (model soups, Wortsman et al. 2022)."""
        last = without_norms(self.average).state_dict()
        mean = {name: (best + last[name]) / 2 for name, best in self.best_epoch.items()}
        net = Branch(self.config.branch)
        net.load_state_dict(mean)
        scores = evaluate(net, self.val)
        print("mean of the best and the last:", " ".join(f"{name}={value:.4g}" for name, value in scores.items()))
        self._keep_if_better(overall(scores), mean)

    def _train_epoch(self) -> Scores:
        self.net.train()
        order = self._order(self.epoch)
        sums: dict[str, float] = {}
        progress = tqdm(range(self.steps_an_epoch), desc=f"epoch {self.epoch + 1}/{self.config.epochs}", unit="step")
        for i in progress:
            step = self.epoch * self.steps_an_epoch + i
            generator = torch.Generator().manual_seed(self.config.seed + step)
            torch.manual_seed(self.config.seed + step)  # dropout
            chips, targets = self._batch(order[i * self.config.batch_size : (i + 1) * self.config.batch_size])
            chips = augment(chips, self.config.augment, generator, self.net.side)
            chips, targets = mixed(chips, targets, self.config.mixup, generator)
            chips = chips.contiguous(memory_format=torch.channels_last)
            for group in self.optimizer.param_groups:
                group["lr"] = group["peak"] * self._schedule(step)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_FAST_BFLOAT16):
                outputs = self.net(chips)
            logits = dict(zip(self.net.attributes, outputs, strict=True))
            loss, parts = multitask_loss(logits, targets, self.config.task_weights)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.optimizer.step()
            self._update_average(step)
            for attribute, value in parts.items():
                sums[f"loss_{attribute}"] = sums.get(f"loss_{attribute}", 0.0) + value / self.steps_an_epoch
            progress.set_postfix(loss=f"{float(loss.detach()):.3f}")
        return sums

    def _order(self, epoch: int) -> list[tuple[str, int]]:
        """Every face of every set, as often as the set is repeated, shuffled for this epoch."""
        entries = [
            (name, i) for name, k in self.config.repeats.items() for i in range(len(self.sets[name])) for _ in range(k)
        ]
        shuffled = np.random.default_rng([self.config.seed, epoch]).permutation(len(entries))
        return [entries[i] for i in shuffled]

    def _batch(self, entries: list[tuple[str, int]]) -> tuple[Tensor, dict[Attribute, Tensor]]:
        chips = np.stack([self.sets[name].chips[i] for name, i in entries])
        targets: dict[Attribute, Tensor] = {}
        for attribute in self.net.attributes:
            rows = [self.sets[name].labels.distributions[attribute][i] for name, i in entries]
            targets[attribute] = torch.from_numpy(np.stack(rows))
            if attribute in CLASSES:
                targets[attribute] = smoothed(targets[attribute], self.config.label_smoothing)
        return torch.from_numpy(chips).permute(0, 3, 1, 2).float(), targets

    def _schedule(self, step: int) -> float:
        """Linear warm-up, then a half cosine to 1 % of the peak."""
        total = self.config.epochs * self.steps_an_epoch
        warm = min(1.0, (step + 1) / self.config.warmup_steps)
        return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * step / total)) / 2)

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        decay = min(self.config.ema_decay, (step + 1) / (step + 10))
        averaged = self.average.state_dict()
        for name, new in self.net.state_dict().items():
            if new.is_floating_point():
                averaged[name].lerp_(new, 1 - decay)

    def _checkpoint(self) -> None:
        state = {
            "config": as_json(self.config),
            "started_from": self.started_from,
            "taught_by": self.taught_by,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
            # Not read from BEST, which holds the mean already where a run was killed just after mixing.
            "best_epoch": self.best_epoch,
            "mixed": self.mixed,
        }
        torch.save(state, self.out / "checkpoint.part")
        (self.out / "checkpoint.part").rename(self.out / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["config"] != as_json(self.config):
            raise SystemExit(f"{path} was written with another configuration; choose another --out")
        if state["taught_by"] != self.taught_by:
            raise SystemExit(
                f"{path} learned from {state['taught_by']}, not from {self.taught_by}; choose another --out"
            )
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.best = state["epoch"], state["best"]
        self.started_from = state["started_from"]
        # Older checkpoints do not say: until their last epoch BEST is the best one's, and then it has been mixed.
        self.best_epoch = state["best_epoch"] if "best_epoch" in state else load_file(self.out / BEST)
        self.mixed = state.get("mixed", self.epoch == self.config.epochs)

    def _cut_log(self) -> None:
        """Drops the epochs behind the checkpoint: they are trained, and logged, again."""
        path = self.out / "log.csv"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        kept = [line for line in lines[1:] if int(line.split(b",")[0]) <= self.epoch]
        if not kept:
            path.unlink(missing_ok=True)
            return
        part = path.with_suffix(".part")
        part.write_bytes(b"".join([lines[0], *kept]))
        part.rename(path)

    def _log(self, row: dict[str, float]) -> None:
        path = self.out / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if new:
                writer.writeheader()
            writer.writerow({name: round(value, 5) for name, value in row.items()})
        print(" ".join(f"{name}={value:.4g}" for name, value in row.items()), flush=True)


def published_state(weights_dir: Path, branch: str) -> Weights:
    """One branch of the published attribute weights, rounded as they are. Raises ModelNotReady."""
    prefix = f"branches.{branch}."
    state = load(read_manifest(weights_dir).tensors["attributes"].read())
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def as_json(config: TrainConfig) -> dict[str, Any]:
    """The configuration in plain types, for checkpoints and the manifest."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


@torch.inference_mode()
def evaluate(net: Branch, sets: dict[str, Faces]) -> Scores:
    """Scores a set by name and attribute, on centred chips; ``training.evaluate`` has the served pipeline's."""
    served = MirrorAveraged(net).eval()
    scores: Scores = {}
    for name, faces in sets.items():
        logits: dict[Attribute, list[np.ndarray]] = {attribute: [] for attribute in net.attributes}
        for start in range(0, len(faces), 64):
            cached = torch.from_numpy(faces.chips[start : start + 64].copy()).permute(0, 3, 1, 2).float()
            chips = centre(cached, net.side)
            for attribute, output in zip(net.attributes, served(chips), strict=True):
                logits[attribute].append(output.numpy())
        for attribute, parts in logits.items():
            known = faces.labels.known(attribute)
            if known.any():
                probabilities = softmax(np.concatenate(parts)[known])
                scores[f"{name}_{attribute}"] = _score(attribute, probabilities, faces.labels, known)
    return scores


def _score(attribute: Attribute, probabilities: np.ndarray, labels: Labels, known: np.ndarray) -> float:
    """Accuracy, years of error or correlation of the faces whose label is known."""
    if attribute in CLASSES:
        return accuracy(probabilities.argmax(axis=1), labels.classes[attribute][known])
    measure = mean_absolute_error if attribute is Attribute.AGE else pearson
    return measure(probabilities @ BINS[attribute], labels.values[attribute][known])


def overall(scores: Scores) -> float:
    """One number to choose the best epoch by: accuracies and correlation, an age error of 10 years counting as 0."""
    return (
        scores.get("utkface_gender", 0)
        + scores.get("utkface_race", 0)
        + scores.get("fer2013_expression", 0)
        + scores.get("mebeauty_beauty", 0)
        - scores.get("utkface_age", 0) / 10
    )


if __name__ == "__main__":
    main()
