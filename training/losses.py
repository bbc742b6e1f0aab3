"""One loss an attribute, each over the faces of the batch that carry its label."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cv.engine.labels import BINS, Attribute


def distribution_loss(logits: Tensor, targets: Tensor, bins: Tensor | None = None) -> Tensor:
    """Cross-entropy to the targets, float32 ``(N, head_size)``, rows of zeros where missing; 0 where all are.

    Where ``bins`` gives the head's numbers, plus the error of the mean (DLDL-v2, Gao et al. 2018), in tenths of the
    scale, so that years do not drown the other attributes.
    """
    labelled = targets.sum(dim=1) > 0
    if not labelled.any():
        return logits.sum() * 0
    log_probabilities = F.log_softmax(logits[labelled], dim=1)
    loss = -(targets[labelled] * log_probabilities).sum(dim=1).mean()
    if bins is None:
        return loss
    error = (log_probabilities.exp() - targets[labelled]) @ bins
    return loss + error.abs().mean() / ((bins[-1] - bins[0]) / 10)


def smoothed(targets: Tensor, share: float) -> Tensor:
    """Label smoothing (Szegedy et al. 2016): ``share`` of every target goes to all classes alike."""
    return targets + share * (targets.sum(dim=1, keepdim=True) / targets.shape[1] - targets)


def multitask_loss(
    outputs: dict[Attribute, Tensor], targets: dict[Attribute, Tensor], weights: dict[Attribute, float]
) -> tuple[Tensor, dict[Attribute, float]]:
    """The weighted sum, and every loss by itself for the log."""
    total = torch.zeros(())
    parts: dict[Attribute, float] = {}
    for attribute, logits in outputs.items():
        bins = torch.from_numpy(BINS[attribute]) if attribute in BINS else None
        loss = distribution_loss(logits.float(), targets[attribute], bins)
        total = total + weights[attribute] * loss
        parts[attribute] = float(loss.detach())
    return total, parts
