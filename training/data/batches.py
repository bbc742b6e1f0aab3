"""Builds batches from the faces of several sets; draw and order depend only on the seed and the epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cv.engine.labels import CLASSES, Attribute
from training.data.chips import Faces
from training.losses import smooth_labels

# A set's name and a face's index in it.
Entry = tuple[str, int]


def weigh_faces(
    faces: Faces, outputs: tuple[Attribute, ...], balance: Mapping[Attribute, float]
) -> npt.NDArray[np.float64]:
    """The relative frequency of each face in a draw, ``(N,)``; 0 for a face without a target for any of the outputs.

    ``balance`` gives an exponent by attribute: faces have the weight (number of faces of their class) ** -exponent.
    """
    targets = faces.labels.distributions
    labelled = [targets[output].sum(axis=1) > 0 for output in outputs]
    weights = np.asarray(np.any(labelled, axis=0), dtype=np.float64)
    for attribute, power in balance.items():
        rows = targets[attribute]
        # Faces without the label form a class of their own.
        classes = np.where(rows.sum(axis=1) > 0, rows.argmax(axis=1), rows.shape[1])
        weights = weights * np.bincount(classes)[classes] ** -float(power)
    return weights


def count_steps(
    sets: Mapping[str, Faces], repeats: Mapping[str, float], outputs: tuple[Attribute, ...], batch_size: int
) -> int:
    """Whole batches in an epoch."""
    counts = {name: np.count_nonzero(weigh_faces(sets[name], outputs, {})) for name in repeats}
    return sum(int(counts[name] * times) for name, times in repeats.items()) // batch_size


def shuffle_faces(
    sets: Mapping[str, Faces],
    repeats: Mapping[str, float],
    outputs: tuple[Attribute, ...],
    balance: Mapping[Attribute, float],
    seed: int,
    epoch: int,
) -> list[Entry]:
    """Draws from every set its number of faces with a target, times its repeats, in this epoch's order.

    Without a ``balance`` each face occurs equally often, up to the fraction of a repeat, which goes to faces that are
    drawn anew in each epoch; with one, faces are drawn at random by their weight.
    """
    dice = np.random.default_rng([seed, epoch])
    entries: list[Entry] = []
    for name, times in repeats.items():
        weights = weigh_faces(sets[name], outputs, balance)
        known = np.flatnonzero(weights)
        drawn = known.repeat(int(times))
        if some := int(len(known) * times) - len(drawn):
            drawn = np.concatenate([drawn, dice.choice(known, some, replace=False)])
        if balance and len(drawn):
            drawn = dice.choice(len(weights), len(drawn), p=weights / weights.sum())
        entries += [(name, int(i)) for i in drawn]
    return [entries[i] for i in dice.permutation(len(entries))]


def build_batch(
    sets: Mapping[str, Faces], entries: Sequence[Entry], outputs: tuple[Attribute, ...], label_smoothing: float
) -> tuple[Tensor, dict[Attribute, Tensor]]:
    """Chips with their margin, float32 ``(N, 3, cached, cached)`` in [0, 255], and the targets of each output."""
    chips = np.stack([sets[name].chips[i] for name, i in entries])
    targets: dict[Attribute, Tensor] = {}
    for output in outputs:
        rows = [sets[name].labels.distributions[output][i] for name, i in entries]
        targets[output] = torch.from_numpy(np.stack(rows))
        if output in CLASSES:
            targets[output] = smooth_labels(targets[output], label_smoothing)
    return torch.from_numpy(chips).permute(0, 3, 1, 2).float(), targets
