"""Scores a net after an epoch, on cached chips; ``training.evaluate`` scores the whole pipeline."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.nets.attribute_net import MirrorAveraged
from cv.engine.readers.attributes import softmax
from training.data.augment import centre
from training.data.chips import Crop, Faces
from training.data.labels import Labels
from training.measure.metrics import accuracy, mean_absolute_error, pearson
from training.precision import autocast

Scores = dict[str, float]

_BATCH = 64


def list_measures(sets: Mapping[str, Faces], outputs: tuple[Attribute, ...]) -> list[str]:
    """The measures that ``score_net`` gives for these sets: one for each output and set with labels for it."""
    return [
        f"{name}_{output}" for name, faces in sets.items() for output in outputs if faces.labels.known(output).any()
    ]


@torch.inference_mode()
def score_net(
    net: nn.Module, sets: Mapping[str, Faces], outputs: tuple[Attribute, ...], crop: Crop, side: int
) -> Scores:
    """Accuracy, years of error or correlation by set and output, on the centred chips and their mirror images."""
    served = MirrorAveraged(net).eval()
    device = next(net.parameters()).device
    scores: Scores = {}
    for name, faces in sets.items():
        logits: dict[Attribute, list[npt.NDArray[np.float32]]] = {output: [] for output in outputs}
        for start in range(0, len(faces), _BATCH):
            cached = torch.from_numpy(faces.chips[start : start + _BATCH].copy()).permute(0, 3, 1, 2).float()
            chips = centre(cached, crop, side).to(device)
            with autocast(device):
                heads = served(chips)
            for output, head in zip(outputs, heads, strict=True):
                logits[output].append(head.float().cpu().numpy())
        for output, parts in logits.items():
            known = faces.labels.known(output)
            if known.any():
                probabilities = softmax(np.concatenate(parts)[known])
                scores[f"{name}_{output}"] = _score(output, probabilities, faces.labels, known)
    return scores


def _score(
    output: Attribute, probabilities: npt.NDArray[np.float32], labels: Labels, known: npt.NDArray[np.bool_]
) -> float:
    if output in CLASSES:
        return accuracy(probabilities.argmax(axis=1), labels.classes[output][known])
    measure = mean_absolute_error if output is Attribute.AGE else pearson
    return measure(probabilities @ BINS[output], labels.values[output][known])
