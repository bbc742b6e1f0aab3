"""Mixes the published net's answers into the targets of the training faces (distillation, Hinton et al. 2015).

A label names one class. A trained net also says how close the other classes are, and fills in labels that a set lacks.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from cv.engine.config import EngineConfig
from cv.engine.labels import Attribute
from cv.engine.manifest import read_manifest
from cv.engine.readers.attributes import AttributeReader, softmax
from training.data.augment import centre
from training.data.chips import Crop, Faces
from training.losses import marks_range

_BATCH = 64


def teach(faces: Faces, weights_dir: Path, outputs: tuple[Attribute, ...], share: float, crop: Crop) -> Faces:
    """Takes ``share`` of each target from the teacher's answer, or the whole target if there is no label.

    A target that marks a range stays unchanged.
    Raises ModelNotReady if the published net cannot be read.
    """
    reader = AttributeReader.load(read_manifest(weights_dir).default, EngineConfig(threads=torch.get_num_threads()))
    said: dict[Attribute, list[np.ndarray]] = {attribute: [] for attribute in outputs}
    for start in tqdm(range(0, len(faces), _BATCH), desc="teacher", unit="batch"):
        cached = torch.from_numpy(faces.chips[start : start + _BATCH].copy()).permute(0, 3, 1, 2).float()
        answers = dict(zip(Attribute, reader.net(centre(cached, crop, reader.crop.size).numpy()), strict=True))
        for attribute in outputs:
            said[attribute].append(softmax(answers[attribute]))
    distributions = dict(faces.labels.distributions)
    for attribute, parts in said.items():
        own = distributions[attribute]
        labelled = own.sum(axis=1, keepdims=True)
        taught = (1 - share) * own + (1 - (1 - share) * labelled) * np.concatenate(parts)
        ranges = marks_range(torch.from_numpy(own)).numpy()
        distributions[attribute] = np.where(ranges[:, None], own, taught)
    return replace(faces, labels=replace(faces.labels, distributions=distributions))
