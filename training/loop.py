"""A training run, from the first step to the weights that are kept; read it from top to bottom.

A run is a folder: ``checkpoint.pt`` (the last whole epoch, to go on from), ``best.safetensors`` (the moving average of
the weights with the best score on ``val``, or the mean of those and the last ones), ``log.csv`` and ``curves.png``.
All random numbers follow from the seed, the epoch and the step, so a run that was killed and resumed gives the same
weights as one that was not: bit for bit on a CPU; on a GPU up to the order in which gradients are summed.
"""

import copy
import math
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim import AdamW
from tqdm import tqdm

from cv.engine.config import WEIGHTS_DIR
from cv.engine.manifest import read_manifest
from training.data.augment import augment, centre, mix_pairs
from training.data.batches import Entry, build_batch, count_steps, shuffle_faces
from training.data.chips import Faces
from training.data.teacher import teach
from training.data.votes import blend_votes
from training.losses import multitask_loss
from training.measure.curves import plot, read_log
from training.measure.validation import Scores, list_measures, score_net
from training.nets import NETS
from training.nets.branch import published_file, read_published
from training.nets.norms import add_norms, fold_norms
from training.precision import autocast
from training.recipes.recipe import PUBLISHED, Recipe
from training.run_folder import BEST, LOG, Progress, Weights, append_log, cut_log, resume, save_best, save_checkpoint

Sets = Mapping[str, Faces]

_CHIPS_FOR_NORMS = 256
_LARGEST_GRADIENT = 5.0


def train(
    recipe: Recipe,
    out: Path,
    device: torch.device,
    *,
    train_sets: Sets,
    val_sets: Sets,
    weights_dir: Path = WEIGHTS_DIR,
    compile_net: bool = False,
    epochs: int | None = None,
) -> None:
    """Trains to the end of the schedule, or for ``epochs`` epochs, starting where the run in ``out`` stopped.

    Raises SystemExit if the sets have less than one batch or lack a measure of the recipe's score, if a measure is not
    a number, or if ``out`` has a run of another recipe; ModelNotReady if the published weights are needed but cannot be
    read.
    """
    check_sets(recipe, train_sets, val_sets)
    kind = NETS[recipe.net]
    torch.manual_seed(recipe.seed)
    net, started_from = start_net(recipe, out, weights_dir)
    if recipe.votes_share:
        train_sets = {name: blend_votes(faces, recipe.votes_share) for name, faces in train_sets.items()}
    if recipe.teacher_share:
        train_sets = {
            name: teach(faces, weights_dir, recipe.outputs, recipe.teacher_share, recipe.crop)
            for name, faces in train_sets.items()
        }
    freeze_trunk(net, recipe.frozen)
    if kind.norms_are_folded:
        first = order_faces(recipe, train_sets, epoch=0)[:_CHIPS_FOR_NORMS]
        chips, _ = build_batch(train_sets, first, recipe.outputs, recipe.label_smoothing)
        add_norms(net, centre(chips, recipe.crop, kind.side))
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(net)
    optimizer = build_optimizer(net, recipe)
    if compile_net:
        net.compile()

    out.mkdir(parents=True, exist_ok=True)
    progress = Progress(started_from, describe_teacher(weights_dir) if recipe.teacher_share else None)
    progress = resume(out, recipe, progress, net, average, optimizer)
    cut_log(out, progress.epoch)

    last = recipe.epochs if epochs is None else min(recipe.epochs, progress.epoch + epochs)
    while progress.epoch < last:
        started = time.monotonic()
        losses = train_epoch(recipe, net, average, optimizer, train_sets, progress.epoch)
        scores = score_net(average, val_sets, recipe.outputs, recipe.crop, kind.side)
        progress.epoch += 1
        append_log(out, {"epoch": progress.epoch, "seconds": time.monotonic() - started} | losses | scores)
        weights = copy_weights(average)
        score = weigh_measures(recipe.score, scores)
        if score > progress.best:
            progress.best, progress.best_epoch = score, weights
            save_best(out, weights)
        save_checkpoint(out, recipe, progress, net, average, optimizer)
        plot(read_log(out / LOG), out / "curves.png")

    if progress.epoch == recipe.epochs and not progress.mixed:
        # The mean of two epochs of one run is often better than either (model soups, Wortsman et al. 2022).
        last_epoch = copy_weights(average)
        mean = {name: (best + last_epoch[name]) / 2 for name, best in progress.best_epoch.items()}
        mixture = kind.build(recipe.outputs, 0.0)
        mixture.load_state_dict(mean)
        scores = score_net(mixture.to(device), val_sets, recipe.outputs, recipe.crop, kind.side)
        print("mean of the best and the last:", " ".join(f"{name}={value:.4g}" for name, value in scores.items()))
        score = weigh_measures(recipe.score, scores)
        if score > progress.best:
            progress.best = score
            save_best(out, mean)
        progress.mixed = True
        save_checkpoint(out, recipe, progress, net, average, optimizer)


def train_epoch(
    recipe: Recipe, net: nn.Module, average: nn.Module, optimizer: AdamW, sets: Sets, epoch: int
) -> dict[str, float]:
    """One pass over the sets; gives the mean loss of each output."""
    net.train()
    device, side = next(net.parameters()).device, NETS[recipe.net].side
    steps = count_steps(sets, recipe.sets, recipe.outputs, recipe.batch_size)
    order = order_faces(recipe, sets, epoch)
    means: dict[str, float] = {}
    bar = tqdm(range(steps), desc=f"epoch {epoch + 1}/{recipe.epochs}", unit="step")
    for i in bar:
        step = epoch * steps + i
        generator = torch.Generator().manual_seed(recipe.seed + step)
        torch.manual_seed(recipe.seed + step)  # dropout
        entries = order[i * recipe.batch_size : (i + 1) * recipe.batch_size]
        chips, targets = build_batch(sets, entries, recipe.outputs, recipe.label_smoothing)
        chips, targets = chips.to(device), {output: rows.to(device) for output, rows in targets.items()}
        chips = augment(chips, recipe.augment, generator, recipe.crop, side)
        alpha = recipe.mixup if step < recipe.mixup_until * recipe.epochs * steps else 0.0
        chips, targets = mix_pairs(chips, targets, alpha, generator)
        chips = chips.contiguous(memory_format=torch.channels_last)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * schedule_rate(recipe, step, steps)
        with autocast(device):
            logits = net(chips)
        loss, parts = multitask_loss(dict(zip(recipe.outputs, logits, strict=True)), targets, recipe.losses)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), _LARGEST_GRADIENT)
        optimizer.step()
        update_average(average, net, min(recipe.ema_decay, (step + 1) / (step + 10)))
        for output, value in parts.items():
            means[f"loss_{output}"] = means.get(f"loss_{output}", 0.0) + value / steps
        bar.set_postfix(loss=f"{float(loss.detach()):.3f}")
    return means


def order_faces(recipe: Recipe, sets: Sets, epoch: int) -> list[Entry]:
    """Draws the faces of an epoch as the recipe says."""
    return shuffle_faces(sets, recipe.sets, recipe.outputs, recipe.balance, recipe.seed, epoch)


def check_sets(recipe: Recipe, train_sets: Sets, val_sets: Sets) -> None:
    """Raises SystemExit if there is no whole batch, or if the sets lack a measure that chooses the best epoch."""
    if not count_steps(train_sets, recipe.sets, recipe.outputs, recipe.batch_size):
        raise SystemExit(f"the sets of the recipe {recipe.name} have less than one batch of {recipe.batch_size} faces")
    measured = list_measures(val_sets, recipe.outputs)
    missing = [name for name in recipe.score if name not in measured]
    if missing or not recipe.score:
        raise SystemExit(
            f"the score of the recipe {recipe.name} needs {', '.join(missing) or 'a measure'}; "
            f"its sets give {', '.join(measured) or 'none'}"
        )


def weigh_measures(weights: Mapping[str, float], scores: Scores) -> float:
    """The score that chooses the best epoch. Raises SystemExit if a measure is not a number."""
    wrong = [name for name in weights if math.isnan(scores[name])]
    if wrong:
        raise SystemExit(f"{', '.join(wrong)} is not a number, so it cannot choose the best epoch")
    return sum(weight * scores[name] for name, weight in weights.items())


def start_net(recipe: Recipe, out: Path, weights_dir: Path) -> tuple[nn.Module, str]:
    """Builds the net with the weights that it starts from; returns it and a description of those weights."""
    kind = NETS[recipe.net]
    net = kind.build(recipe.outputs, recipe.dropout)
    if recipe.start is None:
        return net, kind.pretrain(net)
    if recipe.start == PUBLISHED:
        net.load_state_dict(read_published(weights_dir, recipe.net))
        file = published_file(weights_dir)
        return net, f"{file.path.name}, sha256 {file.sha256}"
    weights = out.parent / recipe.start / BEST
    if not weights.exists():
        raise SystemExit(f"{recipe.name} starts from {weights}, which does not exist: train {recipe.start} first")
    net.load_state_dict(load_file(weights))
    return net, f"the run {recipe.start}"


def describe_teacher(weights_dir: Path) -> str:
    """Name, version and digest of the net that teaches. Raises ModelNotReady."""
    card = read_manifest(weights_dir).default.card
    return f"{card.name} {card.version}, sha256 {card.sha256}"


def freeze_trunk(net: nn.Module, parts: int) -> None:
    """Keeps the first ``parts`` of the trunk from learning."""
    frozen = tuple(f"trunk.{i}." for i in range(parts))
    for name, parameter in net.named_parameters():
        if name.startswith(frozen):
            parameter.requires_grad_(False)


def build_optimizer(net: nn.Module, recipe: Recipe) -> AdamW:
    """AdamW with a rate for the trunk and one for the heads."""
    heads = [parameter for name, parameter in net.named_parameters() if name.startswith("heads.")]
    trunk = [parameter for name, parameter in net.named_parameters() if not name.startswith("heads.")]
    groups = [{"params": trunk, "peak": recipe.trunk_rate}, {"params": heads, "peak": recipe.head_rate}]
    return AdamW(groups, weight_decay=recipe.weight_decay)


def schedule_rate(recipe: Recipe, step: int, steps_an_epoch: int) -> float:
    """The share of the peak rate: linear warm-up, then a half cosine to 1 %."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * step / (recipe.epochs * steps_an_epoch))) / 2)


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Moves the average's weights and norms towards the net's by ``1 - decay``."""
    averaged = average.state_dict()
    for name, new in net.state_dict().items():
        if new.is_floating_point():
            averaged[name].lerp_(new, 1 - decay)


def copy_weights(net: nn.Module) -> Weights:
    """The weights with every norm folded into its convolution, as they are published."""
    return {name: tensor.cpu().contiguous() for name, tensor in fold_norms(net).state_dict().items()}
