"""The losses that recipes name. Each is over the faces of the batch that have a label for the output."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from cv.engine.labels import BINS, Attribute

# Logits and targets, float32 ``(N, head_size)``, and the head's bins ``(head_size,)`` if it has any.
LossFunction = Callable[[Tensor, Tensor, Tensor | None], Tensor]

# Without this factor, targets that mark a range would hardly count: a range says less than a year.
_RANGE_WEIGHT = 1.5


@dataclass(frozen=True, slots=True)
class Loss:
    """An output's part in the sum: a name of LOSSES, and its weight."""

    name: str = "distribution"
    weight: float = 1.0


def distribution_loss(logits: Tensor, targets: Tensor, bins: Tensor | None = None) -> Tensor:
    """Cross-entropy to the targets; a missing target is a row of zeros, and the loss is 0 if all are missing.

    If the head has ``bins``, the error of the mean is added (DLDL-v2, Gao et al. 2018), in tenths of the scale, so that
    years do not outweigh the other outputs. Targets that mark a range use ``_range_loss``.
    """
    labelled = targets.sum(dim=1) > 0
    if not labelled.any():
        return logits.sum() * 0
    log_probabilities, targets = F.log_softmax(logits[labelled], dim=1), targets[labelled]
    loss = -(targets * log_probabilities).sum(dim=1)
    if bins is not None:
        error = (log_probabilities.exp() - targets) @ bins
        loss = loss + error.abs() / _tenth(bins)
        ranges = marks_range(targets)
        loss = torch.where(ranges, _range_loss(log_probabilities, targets, bins), loss)
    return loss.mean()


def marks_range(targets: Tensor) -> Tensor:
    """Which targets are not a distribution but mark the bins that may be right: bool ``(N,)``."""
    return targets.sum(dim=1) > 1.5


def _range_loss(log_probabilities: Tensor, targets: Tensor, bins: Tensor) -> Tensor:
    """The negative log of the probability on the marked bins, plus the distance of the mean from them, ``(N,)``."""
    marked = targets > 0
    inside = log_probabilities.masked_fill(~marked, -math.inf).logsumexp(dim=1)
    mean, half = log_probabilities.exp() @ bins, (bins[1] - bins[0]) / 2
    low = bins.expand_as(targets).masked_fill(~marked, math.inf).amin(dim=1) + half
    high = bins.expand_as(targets).masked_fill(~marked, -math.inf).amax(dim=1) + half
    outside = F.relu(low - mean) + F.relu(mean - high)
    return -_RANGE_WEIGHT * inside + outside / _tenth(bins)


def _tenth(bins: Tensor) -> Tensor:
    return (bins[-1] - bins[0]) / 10


def smooth_labels(targets: Tensor, share: float) -> Tensor:
    """Label smoothing (Szegedy et al. 2016): ``share`` of every target is spread evenly over all classes."""
    return targets + share * (targets.sum(dim=1, keepdim=True) / targets.shape[1] - targets)


def log_cosh_loss(predicted: Tensor, true: Tensor, delta: float = 1.0) -> Tensor:
    """The mean of δ² · log cosh(error / δ) of numbers ``(N,)``: squares within ``delta``, straight lines beyond, and
    smooth everywhere (HMT-Net, Xu et al. 2019)."""
    scaled = (predicted - true).abs() / delta
    return delta**2 * (scaled + F.softplus(-2 * scaled) - math.log(2)).mean()


LOSSES: Final[dict[str, LossFunction]] = {"distribution": distribution_loss}


def multitask_loss(
    outputs: Mapping[Attribute, Tensor], targets: Mapping[Attribute, Tensor], losses: Mapping[Attribute, Loss]
) -> tuple[Tensor, dict[Attribute, float]]:
    """The weighted sum, and each output's loss for the log."""
    total = torch.zeros(())
    parts: dict[Attribute, float] = {}
    for output, logits in outputs.items():
        bins = torch.from_numpy(BINS[output]).to(logits.device) if output in BINS else None
        loss = LOSSES[losses[output].name](logits.float(), targets[output], bins)
        total = total + losses[output].weight * loss
        parts[output] = float(loss.detach())
    return total, parts
