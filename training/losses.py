"""One loss an attribute, each over the faces of the batch that carry its label."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cv.engine.labels import BINS, CLASSES, Attribute
from training.labels import NO_CLASS


def class_loss(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy; 0 where no face of the batch is labelled. labels: int64 ``(N,)``, NO_CLASS where missing."""
    labelled = labels != NO_CLASS
    if not labelled.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[labelled], labels[labelled], label_smoothing=smoothing)


def distribution_loss(logits: Tensor, targets: Tensor, bins: Tensor) -> Tensor:
    """Cross-entropy to the label distribution plus the error of its mean (DLDL-v2, Gao et al. 2018).

    targets: float32 ``(N, B)``, rows of zeros where missing. The mean's error counts in tenths of the scale, so that
    years do not drown the other attributes.
    """
    labelled = targets.sum(dim=1) > 0
    if not labelled.any():
        return logits.sum() * 0
    log_probabilities = F.log_softmax(logits[labelled], dim=1)
    expected = targets[labelled] @ bins
    error = (log_probabilities.exp() @ bins - expected).abs().mean() / ((bins[-1] - bins[0]) / 10)
    return -(targets[labelled] * log_probabilities).sum(dim=1).mean() + error


def multitask_loss(
    outputs: dict[Attribute, Tensor], labels: dict[Attribute, Tensor], weights: dict[Attribute, float], smoothing: float
) -> tuple[Tensor, dict[Attribute, float]]:
    """The weighted sum, and every loss by itself for the log."""
    total = torch.zeros(())
    parts: dict[Attribute, float] = {}
    for attribute, logits in outputs.items():
        if attribute in CLASSES:
            loss = class_loss(logits.float(), labels[attribute], smoothing)
        else:
            loss = distribution_loss(logits.float(), labels[attribute], torch.from_numpy(BINS[attribute]))
        total = total + weights[attribute] * loss
        parts[attribute] = float(loss.detach())
    return total, parts
