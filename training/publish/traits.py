"""Publishes a run of the recipe ``adaptive_attributes`` as the model of traits.

``python -m training.publish.traits --run runs/adaptive-attributes --version 1.0.0 --data DIR``

Probabilities are calibrated by a line for each trait (Platt 1999), fitted on people of `train` who were held out; the
line becomes a part of the last layer. ``training.publish.traits_card`` measures what is published.
"""

import argparse
import datetime
import hashlib
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from scipy.optimize import minimize
from scipy.special import expit

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.fields import MANIFEST
from cv.engine.labels import ALL_TRAITS
from cv.engine.manifest import WeightsFile
from cv.engine.nets.attribute_net import MirrorAveraged
from cv.engine.outputs import get_output
from cv.engine.runtime import load_detector
from cv.engine.sessions import load_onnx_net
from cv.engine.transforms import chips_to_input
from training.data.celeba import cut_detected, sample
from training.data.tables import rows
from training.nets.dlib_weights import pretrained_face_resnet
from training.nets.trait_net import CROP, HEADS, TraitNet, UpperHalf, start_from
from training.publish.export import put_entry, to_onnx, write_manifest
from training.publish.quantize import quantize
from training.recipes.adaptive_attributes import HELD_OUT, SERVED_EPOCHS

NAME: Final = "xcloud-traits"
FILE: Final = "traits.onnx"
LICENCE: Final = "Research use only, not commercial: see weights/LICENSE.md"
_BATCH: Final = 64
# Held-out faces that the lines are fitted on.
_FACES: Final = 1500
# A slope outside these says that too few held-out faces have the trait.
_SLOPES: Final = (0.5, 2.0)

Floats = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--data", type=Path, required=True, help="folder of celeba.parquet")
    parser.add_argument("--version", required=True)
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    table = arguments.data / "celeba.parquet"
    stem = arguments.run / "celeba-served-seed0"
    lower, _ = start_from(pretrained_face_resnet()[0])
    upper = UpperHalf()
    upper.load_state_dict(load_file(stem.with_suffix(".safetensors")))
    chips = sample(table)
    logits, flags = answer_held_out(in_integers(TraitNet(lower, upper), chips), table)
    slopes, offsets = fit_lines(logits, flags)
    calibrate(upper, slopes, offsets)
    data = in_integers(TraitNet(lower, upper), chips)
    told = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    path = arguments.weights_dir / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    put_entry(manifest, describe(data, arguments.version, told, len(flags)))
    write_manifest(path, manifest, {FILE: data})


def in_integers(net: TraitNet, chips: npt.NDArray[np.uint8]) -> bytes:
    """The net as it is served: in integers, the mean of the logits of a chip and of its mirror image."""
    example = torch.rand(2, 3, CROP.size, CROP.size) * 255
    return quantize(to_onnx(MirrorAveraged(net).eval(), example, outputs=list(HEADS)), chips)


def answer_held_out(data: bytes, table: Path) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Logits and flags ``(N, 40)`` of the held-out people, whose faces are found and cut as in the service."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, FILE)
        path.write_bytes(data)
        net = load_onnx_net(WeightsFile(path, hashlib.sha256(data).hexdigest(), FILE), 1, HEADS)
    detector = load_detector(EngineConfig(threads=1))
    chips, flags = [], []
    held_out = (row for _, row in rows(table, "train") if row["identity"] % HELD_OUT == 0)
    for row in itertools.islice(held_out, _FACES):
        if (chip := cut_detected(detector, row["image"])) is not None:
            chips.append(chip)
            flags.append([name in row["flags"] for name in ALL_TRAITS])
    parts = [np.stack(chips[i : i + _BATCH]) for i in range(0, len(chips), _BATCH)]
    logits = [np.concatenate(net(chips_to_input(part)), axis=1) for part in parts]
    return np.concatenate(logits).astype(np.float64), np.array(flags)


def fit_lines(logits: Floats, flags: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Slope and offset ``(T,)`` of each trait's logit, with the slope in bounds; logits and flags ``(N, T)``."""
    bounds, start = (_SLOPES, (None, None)), (1.0, 0.0)
    lines = [
        minimize(measure_line, start, (x, y), method="L-BFGS-B", jac=True, bounds=bounds, options={"ftol": 1e-12}).x
        for x, y in zip(logits.T, flags.T, strict=True)
    ]
    slopes, offsets = np.array(lines).T
    return slopes, offsets


def measure_line(line: Floats, logits: Floats, flags: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
    """The log loss of a trait's line over faces ``(N,)``, and its gradient.

    A weak prior at the line that changes nothing keeps rare traits finite.
    """
    said, change = line[0] * logits + line[1], line - (1.0, 0.0)
    wrong = expit(said) - flags
    loss = np.logaddexp(0, said).sum() - said[flags].sum() + change @ change / 2
    return float(loss), np.array([wrong @ logits, wrong.sum()]) + change


@torch.no_grad()
def calibrate(upper: UpperHalf, slopes: Floats, offsets: Floats) -> None:
    """Lets the last layer give ``slope · logit + offset``."""
    factor = torch.from_numpy(slopes).float()
    upper.head.weight.mul_(factor[:, None])
    upper.head.bias.mul_(factor).add_(torch.from_numpy(offsets).float())


def describe(data: bytes, version: str, told: dict[str, Any], held_out: int) -> dict[str, Any]:
    """The manifest's entry; ``told`` is the run's result."""
    return {
        "name": NAME,
        "version": version,
        "reader": "flags",
        "architecture": "dlib's face_resnet to its second block with 256 channels, its lower half as dlib trained it, "
        "and a linear layer over the 3 × 3 map; logits averaged over the chip and its mirror image; in 8-bit integers",
        "outputs": list(HEADS),
        "heads": HEADS,
        "crop": {"template": CROP.template.name, "size": CROP.size, "margin": CROP.margin},
        "labels": {name: list(get_output(name).labels) for name in HEADS},
        "licence": LICENCE,
        "trained_on": ["CelebA"],
        "training": {
            "command": "python -m training.train --recipe adaptive_attributes --data DATA",
            "faces": told["about"]["train"],
            "calibrated_on": held_out,
            "epochs": SERVED_EPOCHS,
            "seed": told["seed"],
            "started_from": "dlib's face-recognition ResNet",
            "torch": told["torch"],
            "date": datetime.date.today().isoformat(),
        },
        "onnx": {"file": FILE, "sha256": hashlib.sha256(data).hexdigest()},
        "calibration": {},
        "metrics": {},
    }


if __name__ == "__main__":
    main()
