"""Faces of several sets to batches, in an order that follows from the seed and the epoch alone."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from cv.engine.labels import CLASSES, Attribute
from training.data.chips import Faces
from training.losses import smooth_labels

# A set's name and a face's index in it.
Entry = tuple[str, int]


def count_steps(sets: Mapping[str, Faces], repeats: Mapping[str, int], batch_size: int) -> int:
    """Whole batches in an epoch."""
    return sum(len(sets[name]) * times for name, times in repeats.items()) // batch_size


def shuffle_faces(sets: Mapping[str, Faces], repeats: Mapping[str, int], seed: int, epoch: int) -> list[Entry]:
    """Every face of every set, as often as the set is repeated, in the order of this epoch."""
    entries = [(name, i) for name, times in repeats.items() for i in range(len(sets[name])) for _ in range(times)]
    return [entries[i] for i in np.random.default_rng([seed, epoch]).permutation(len(entries))]


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
