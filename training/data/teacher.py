"""What the published net says of the training faces, learned beside their labels (Hinton et al. 2015).

A label names one class. A trained net says how near a face is to the others, and answers what a set has no label for.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from cv.engine.attributes import softmax
from cv.engine.config import EngineConfig
from cv.engine.labels import Attribute
from cv.engine.sessions import load_nets
from cv.engine.weights import read_manifest
from training.data.augment import centre
from training.data.chips import Faces

_BATCH = 64


def taught(faces: Faces, weights_dir: Path, attributes: tuple[Attribute, ...], share: float) -> Faces:
    """The faces, ``share`` of each of their target distributions the teacher's; all of it where there is no label.

    Raises ModelNotReady where the published net cannot be read.
    """
    manifest = read_manifest(weights_dir)
    net = load_nets(manifest, EngineConfig(threads=torch.get_num_threads()), ["attributes"])["attributes"]
    said: dict[Attribute, list[np.ndarray]] = {attribute: [] for attribute in attributes}
    for start in tqdm(range(0, len(faces), _BATCH), desc="teacher", unit="batch"):
        cached = torch.from_numpy(faces.chips[start : start + _BATCH].copy()).permute(0, 3, 1, 2).float()
        answers = dict(zip(Attribute, net(centre(cached, manifest.card.chip_size).numpy()), strict=True))
        for attribute in attributes:
            said[attribute].append(softmax(answers[attribute]))
    distributions = dict(faces.labels.distributions)
    for attribute, parts in said.items():
        own = distributions[attribute]
        labelled = own.sum(axis=1, keepdims=True)
        distributions[attribute] = (1 - share) * own + (1 - (1 - share) * labelled) * np.concatenate(parts)
    return replace(faces, labels=replace(faces.labels, distributions=distributions))
