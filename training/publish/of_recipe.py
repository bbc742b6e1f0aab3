"""Makes a model that the service serves out of what a research recipe trained."""

import datetime
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from cv.engine.fields import MANIFEST
from cv.engine.manifest import FORMAT
from cv.engine.outputs import Output, Shape
from training.data.features import DLIB_CROP
from training.nets.trunks import lower_trunk, pool, upper_trunk
from training.publish.export import to_onnx, write_manifest
from training.recipes.study import Case, Study
from training.study import Result

ONNX: Final = "model.onnx"
CARD: Final = "card.md"
LICENCE: Final = "Research use only, not commercial: trained on sets that were published on those terms"


@dataclass(frozen=True, slots=True)
class Product:
    """case: the training that is published, with dlib's levels alone, because a reader sees one crop of a face.
    output: what it answers; a category without labels has those of the training photos. set: the training set's name.
    use: what the card says about its use."""

    case: Case
    output: Output
    set: str
    use: str
    licence: str = LICENCE


PRODUCTS: Final = {
    "transfbp": Product(
        Case("low + high", "mebeauty"),
        Output(
            "transfbp",
            Shape.ESTIMATE,
            bins=tuple(np.arange(1, 10.01, 0.25).tolist()),
            scale=(1.0, 10.0),
        ),
        "MEBeauty",
        "The mean rating that MEBeauty's raters would give a photo, from 1 to 10: for research on ratings. It tells "
        "what some people said about some photos, and nothing about a person. Not for any decision about people.",
    ),
    "cjk": Product(
        Case("dlib", "cjk"),
        Output("nation", Shape.CATEGORY, labels=("chinese", "japanese", "korean")),
        "cjk (scraped celebrities, origin and terms unclear)",
        "An experiment on a closed question that people answer little better than by chance. It must choose one of "
        "three for a face of none of them, too, and is often wrong about those that it was made for. It is not served "
        "unless the operator names it. **Not** for deciding, sorting or reporting where anyone is from.",
    ),
    "own": Product(
        Case("dlib", "own"),
        Output("own", Shape.CATEGORY),
        "your own photos",
        "What you made it for. It knows the faces, cameras and light of the photos that it learned from, and nothing "
        "else: measure it on photos of people and places that those do not have before anything depends on it.",
        licence="Yours, as far as your photos and dlib's net (public domain) allow",
    ),
}


class OnChips(nn.Module):
    """float32 RGB ``(N, 3, 150, 150)`` in [0, 255] → logits ``(N, size)`` of the output.

    The features are those of ``Features.levels`` with dlib's two levels, averaged over the chip and its mirror image.
    """

    def __init__(self, weights: dict[str, Tensor], bins: tuple[float, ...]) -> None:
        super().__init__()
        self.lower, self.upper = lower_trunk(), upper_trunk().eval()
        self.linear = nn.Linear(weights["weight"].shape[1], len(weights["weight"]))
        self.linear.load_state_dict({name: weights[name] for name in ("weight", "bias")})
        # A number is answered as a normal distribution around it.
        self.deviation = float(weights["deviation"]) if bins else 0.0
        self.register_buffer("bins", torch.tensor(bins), persistent=False)

    def forward(self, chips: Tensor) -> tuple[Tensor]:
        maps = self.lower(torch.cat([chips, chips.flip(3)]))
        levels = torch.cat([pool(maps, 2), self.upper(maps).flatten(1)], dim=1)
        answer = self.linear(levels.reshape(2, -1, levels.shape[1]).mean(dim=0))
        if self.deviation:
            answer = -((self.bins - answer) ** 2) / (2 * self.deviation**2)
        return (answer,)


def publish(study: Study, run: Path, out: Path, version: str) -> None:
    """Writes ``model.onnx``, ``manifest.json`` and ``card.md`` into the folder ``out``.

    Raises SystemExit if nothing of the recipe can be published or its case is not trained.
    """
    if study.name not in PRODUCTS:
        raise SystemExit(f"of {study.name} nothing is published; there are {', '.join(PRODUCTS)}")
    product = PRODUCTS[study.name]
    stem = run / product.case.name
    if not stem.with_suffix(".safetensors").exists():
        raise SystemExit(
            f"{stem}.safetensors is missing: python -m training.train --recipe {study.name} --data DIR "
            f"--set {product.case.table} --variant '{product.case.variant}'"
        )
    result: Result = json.loads(stem.with_suffix(".json").read_text())
    if product.output.size is None:
        product = replace(product, output=replace(product.output, labels=tuple(result["about"]["labels"])))
    net = OnChips(load_file(stem.with_suffix(".safetensors")), product.output.bins).eval()
    data = to_onnx(net, torch.rand(2, 3, DLIB_CROP.size, DLIB_CROP.size) * 255, outputs=[product.output.name])
    entry = describe(study, product, result, data, version)
    out.mkdir(parents=True, exist_ok=True)
    (out / CARD).write_text(write_card(study, product, entry), encoding="utf-8")
    write_manifest(out / MANIFEST, entry, {ONNX: data})


def describe(study: Study, product: Product, result: Result, data: bytes, version: str) -> dict[str, Any]:
    """The folder's manifest: what it defines, and the model's entry."""
    output = product.output
    size = output.size
    model = {
        "name": f"research-{study.name}",
        "version": version,
        "reader": "attributes",
        "architecture": "dlib's face-recognition ResNet, its third and last stage, a linear layer on both; averaged "
        "over the chip and its mirror image",
        "outputs": [output.name],
        "heads": {output.name: size},
        "crop": {"template": DLIB_CROP.template.name, "size": DLIB_CROP.size, "margin": DLIB_CROP.margin},
        "labels": {output.name: list(output.labels)} if output.labels else {},
        "licence": product.licence,
        "trained_on": [product.set],
        "training": {
            "command": f"python -m training.train --recipe {study.name} --data DATA --set {product.case.table} "
            f"--variant '{product.case.variant}'",
            "paper": study.paper,
            "torch": result["torch"],
            "date": result["date"],
        },
        "onnx": {"file": ONNX, "sha256": hashlib.sha256(data).hexdigest()},
        "calibration": {"coverage": 0.8},
        "metrics": {f"{product.case.table}.{name}": round(value, 4) for name, value in result["scores"].items()},
    }
    defined = {
        "name": output.name,
        "shape": output.shape.value,
        "labels": list(output.labels),
        "bins": list(output.bins),
        "unit": output.unit,
    }
    return {"format": FORMAT, "defines": [defined], "models": [model]}


def write_card(study: Study, product: Product, manifest: dict[str, Any]) -> str:
    """The model's card as Markdown."""
    (model,) = manifest["models"]
    told = model["training"]
    measured = "\n".join(f"| {name.partition('.')[2]} | {value} |" for name, value in model["metrics"].items())
    answers = (
        ", ".join(product.output.labels) or f"a number from {product.output.bins[0]:g} to {product.output.bins[-1]:g}"
    )
    return f"""# {model["name"]} {model["version"]}

Answers `{product.output.name}`: {answers}.

## Use

{product.use}

## Origin

{study.paper}. Architecture: {model["architecture"]}.
Trained on {product.set} with `{told["command"]}`,
PyTorch {told["torch"]}, {told["date"]}; published on {datetime.date.today().isoformat()}. {model["licence"]}.
SHA-256 of `{ONNX}`: `{model["onnx"]["sha256"]}`.

## Measured

On faces of {product.set} that the training did not see:

| measure | value |
| --- | --- |
{measured}

It is not calibrated: a probability or an interval is what the model states, not what was found to hold.

## Service

`XCLOUD_MODELS=FOLDER`, then ask for the output by name: `attributes={product.output.name}`.
"""
