"""Publishes nets under ``weights/``: safetensors, the ONNX file that serves, and their entries in the manifest.

Weights are rounded to half precision, which halves the files; the ONNX graph casts them back when it is loaded, so that
both backends compute in single precision with the same numbers.
"""

import argparse
import datetime
import hashlib
import io
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save
from torch import Tensor, nn

from cv.engine.config import WEIGHTS_DIR
from cv.engine.labels import CLASSES
from cv.engine.nets.attribute_net import BRANCHES, AttributeNet, MirrorAveraged
from cv.engine.nets.mtcnn import ONet, PNet, RNet
from cv.engine.weights import FORMAT, MANIFEST
from training.configs import CONFIGS
from training.curves import read_log
from training.lean_mtcnn import lean

TOLERANCE = 1e-4
MTCNN_PACKAGE = "facenet_pytorch"
NAME = "xcloud-attributes"
LICENCE = "Research use only, not commercial: see weights/LICENSE.md"
_SMALLEST_HALVED = 1024

Manifest = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("mtcnn", "attributes"))
    for branch in BRANCHES:
        last = Path("runs", branch)
        parser.add_argument(f"--{branch}", type=Path, default=last, help=f"run of the {branch} branch")
    parser.add_argument("--version", help="version of the published attribute model")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    path = arguments.weights_dir / MANIFEST
    manifest: Manifest = json.loads(path.read_text()) if path.exists() else {"format": FORMAT}
    if arguments.what == "mtcnn":
        manifest["mtcnn"] = export_mtcnn(arguments.weights_dir)
    else:
        if arguments.version is None:
            parser.error("attributes needs --version")
        runs = {branch: getattr(arguments, branch) for branch in BRANCHES}
        manifest["attributes"] = export_attributes(runs, arguments.version, arguments.weights_dir)
    write_manifest(path, manifest)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def export_mtcnn(weights_dir: Path) -> Manifest:
    """The three nets of the installed facenet-pytorch as ONNX."""
    spec = find_spec(MTCNN_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"install {MTCNN_PACKAGE} to export its weights")
    entry: Manifest = {
        "name": "mtcnn",
        "licence": "MIT (facenet-pytorch)",
        "package": MTCNN_PACKAGE,
        "tensors": {},
        "onnx": {},
    }
    for name, net, size in (("pnet", PNet(), None), ("rnet", RNet(), 24), ("onet", ONet(), 48)):
        source = f"data/{name}.pt"
        data = Path(spec.submodule_search_locations[0], source).read_bytes()
        net.load_state_dict(torch.load(io.BytesIO(data), weights_only=True))
        entry["tensors"][name] = {"file": source, "sha256": hashlib.sha256(data).hexdigest()}
        example = torch.rand(2, 3, size or 40, size or 56) * 2 - 1
        model = to_onnx(lean(net).eval(), example, reference=net.eval(), dynamic_size=size is None)
        entry["onnx"][name] = _publish(weights_dir / f"mtcnn-{name}.onnx", model)
    return entry


def export_attributes(runs: Mapping[str, Path], version: str, weights_dir: Path) -> Manifest:
    """The best weights of each branch's run, halved; ``training.calibrate`` and ``training.card`` fill in the rest."""
    checkpoints = {
        branch: torch.load(run / "checkpoint.pt", weights_only=True, map_location="cpu") for branch, run in runs.items()
    }
    state = {
        f"branches.{branch}.{name}": halved(tensor)
        for branch, run in runs.items()
        for name, tensor in load_file(run / "best.safetensors").items()
    }
    net = AttributeNet()
    net.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    (chip_px,) = {checkpoint["config"]["chip_px"] for checkpoint in checkpoints.values()}
    model = to_onnx(MirrorAveraged(net).eval(), torch.rand(2, 3, chip_px, chip_px) * 255, halve=True)
    return {
        "name": NAME,
        "version": version,
        "architecture": "two face_resnet branches, one for expression and one for the rest, a linear head an "
        "attribute; logits averaged over the chip and its mirror image",
        "chip_size": chip_px,
        "labels": {attribute.value: list(classes) for attribute, classes in CLASSES.items()},
        "licence": LICENCE,
        "trained_on": ["UTKFace", "FER2013", "facial_expressions", "MEBeauty", "One Million Impressions"],
        "training": {branch: _told(runs[branch], checkpoint) for branch, checkpoint in checkpoints.items()},
        "onnx": _publish(weights_dir / "attributes.onnx", model),
        "tensors": _publish(weights_dir / "attributes.safetensors", save(state)),
        "calibration": {"coverage": 0.8, "bias": {}, "temperature": {}, "widening": {}},
        "metrics": {},
    }


def _told(run: Path, checkpoint: Mapping[str, Any]) -> Manifest:
    """Everything that made a branch: the command, its settings, what it started from, and its log."""
    return {
        "command": _commands(checkpoint["config"]["name"]),
        "config": checkpoint["config"],
        "started_from": checkpoint["started_from"],
        "epochs_done": checkpoint["epoch"],
        "log": read_log(run / "log.csv"),
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
    }


def _commands(name: str) -> str:
    """What trains a configuration, the run that it starts from first."""
    start = CONFIGS[name].start
    before = f"{_commands(start)} && " if start in CONFIGS else ""
    return f"{before}python -m training.train --config {name} --data DATA"


def halved(tensor: Tensor) -> Tensor:
    """Half precision for what is large; small tensors (biases) stay as they are."""
    return tensor.half() if tensor.numel() >= _SMALLEST_HALVED else tensor


def to_onnx(
    net: nn.Module,
    example: Tensor,
    *,
    reference: nn.Module | None = None,
    dynamic_size: bool = False,
    halve: bool = False,
) -> bytes:
    """The net as ONNX with a free batch (and image) size.

    Raises AssertionError where its outputs differ from those of the ``reference``, without one from its own in PyTorch.
    """
    axes = {0: torch.export.Dim("batch")}
    if dynamic_size:
        axes |= {2: torch.export.Dim("height", min=12), 3: torch.export.Dim("width", min=12)}
    program = torch.onnx.export(net, (example,), dynamo=True, dynamic_shapes=(axes,), verbose=False)
    assert program is not None
    model = program.model_proto
    if halve:
        _halve_initializers(model)
    data: bytes = model.SerializeToString()
    _check_parity(reference or net, example, data)
    return data


def _halve_initializers(model: onnx.ModelProto) -> None:
    """Stores large float32 initializers as float16 behind a cast, which ONNX Runtime folds away at load."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _SMALLEST_HALVED:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def _check_parity(net: nn.Module, example: Tensor, model: bytes) -> None:
    # Imported here: behind cv.engine, which tells it to report its use to nobody.
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    served = session.run(None, {session.get_inputs()[0].name: example.numpy()})
    with torch.inference_mode():
        reference = net(example)
    worst = max(float(np.abs(s - r.numpy()).max()) for s, r in zip(served, reference, strict=True))
    assert worst <= TOLERANCE, f"ONNX and PyTorch differ by {worst:.2e}; the limit is {TOLERANCE:.0e}"


def _publish(path: Path, data: bytes) -> Mapping[str, str]:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
    return {"file": path.name, "sha256": hashlib.sha256(data).hexdigest()}


if __name__ == "__main__":
    main()
