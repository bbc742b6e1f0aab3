"""Publishes nets under ``weights/``: safetensors, the ONNX file that serves, and their entries in the manifest.

``python -m training.publish.export attributes --identity runs/identity --version V --data DIR``

``mtcnn`` publishes the cascade of the installed facenet-pytorch. ``attributes`` publishes the trained branches of a
pack (``--pack``) under a new version, each from its own run; a branch without a run stays as it is published.
Every exported net is compared with PyTorch. Then the attribute net is quantized, see ``training.publish.quantize``. Its
safetensors, which PyTorch and the next training read, are rounded to half precision.
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
import numpy.typing as npt
import torch
from onnx import ModelProto
from safetensors.torch import load_file, save
from torch import Tensor, nn

from cv.engine.align import XCLOUD_5
from cv.engine.config import WEIGHTS_DIR, EngineConfig, Pack
from cv.engine.fields import MANIFEST
from cv.engine.labels import CLASSES
from cv.engine.manifest import FORMAT
from cv.engine.nets.attribute_net import BRANCHES, CHIP_PX, PACKS, AttributeNet, MirrorAveraged
from cv.engine.nets.mtcnn import ONet, PNet, RNet
from cv.engine.runtime import load_detector
from training.measure.curves import read_log
from training.nets.branch import read_published
from training.publish.lean_attributes import LeanAttributes
from training.publish.lean_mtcnn import make_lean
from training.publish.packs import ARCHITECTURES, LICENCES, NAMES, SET_NAMES, lend
from training.publish.quantize import quantize, sample_chips
from training.recipes import find_recipe, list_recipes
from training.run_folder import BEST, CHECKPOINT, LOG

TOLERANCE = 1e-4
MTCNN_PACKAGE = "facenet_pytorch"
_SMALLEST_HALVED = 1024

Manifest = dict[str, Any]
# Contents by file name.
Files = dict[str, bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("mtcnn", "attributes"))
    parser.add_argument("--pack", type=Pack, choices=list(Pack), default=Pack.RESEARCH)
    for branch in BRANCHES:
        parser.add_argument(f"--{branch}", type=Path, help=f"run of the {branch} branch; without one it stays as it is")
        parser.add_argument(
            f"--{branch}-share", type=float, default=1.0, help="its share in the mean with the published weights"
        )
    parser.add_argument("--version", help="version of the published attribute model")
    parser.add_argument("--data", type=Path, help="folder of the labelled tables, for the attribute model")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    pack: Pack = arguments.pack
    folder = pack.folder(arguments.weights_dir)
    folder.mkdir(exist_ok=True)
    path = folder / MANIFEST
    manifest: Manifest = json.loads(path.read_text()) if path.exists() else {"format": FORMAT, "models": []}
    if pack is Pack.OPEN:
        manifest |= lend(json.loads((arguments.weights_dir / MANIFEST).read_text()))
    if arguments.what == "mtcnn":
        manifest["detector"], files = export_mtcnn()
    else:
        if arguments.version is None or arguments.data is None:
            parser.error("attributes needs --version and --data")
        net = AttributeNet(PACKS[pack]).eval()
        training: dict[str, Manifest] = {}
        for branch in PACKS[pack]:
            run, share = getattr(arguments, branch), getattr(arguments, f"{branch}_share")
            net.branches[branch].load_state_dict(branch_state(branch, run, folder, share))
            training[branch] = _describe_run(run, share) if run else find_entry(manifest)["training"][branch]
        tables = [arguments.data / f"{name}.parquet" for name in list_sets(training)]
        chips = sample_chips(tables, CHIP_PX, load_detector(EngineConfig()))
        entry, files = export_attributes(net, training, chips, arguments.version, pack)
        if not any(getattr(arguments, branch) for branch in PACKS[pack]):
            # Only the form that serves is new; what was measured of these weights holds.
            entry |= {field: find_entry(manifest)[field] for field in ("calibration", "metrics")}
        put_entry(manifest, entry)
    write_manifest(path, manifest, files)


def find_entry(manifest: Manifest) -> Manifest:
    """The attribute model's entry. Raises StopIteration if it was never exported."""
    return next(model for model in manifest["models"] if model["name"] in NAMES.values())


def put_entry(manifest: Manifest, entry: Manifest) -> None:
    """Replaces the earlier version of this model, or adds the entry at the end."""
    names = [model["name"] for model in manifest["models"]]
    at = names.index(entry["name"]) if entry["name"] in names else len(names)
    manifest["models"][at : at + 1] = [entry]


def write_manifest(path: Path, manifest: Manifest, files: Files | None = None) -> None:
    """Writes ``files`` and the manifest that names them: first all beside the old ones, then renames, manifest last."""
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    files = {**(files or {}), path.name: text.encode()}
    for name, data in files.items():
        path.with_name(f"{name}.part").write_bytes(data)
    for name in files:
        path.with_name(f"{name}.part").replace(path.with_name(name))


def export_mtcnn() -> tuple[Manifest, Files]:
    """Exports the three nets of the installed facenet-pytorch; returns their manifest entry and their ONNX files."""
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
    files: Files = {}
    for name, net, size in (("pnet", PNet(), None), ("rnet", RNet(), 24), ("onet", ONet(), 48)):
        source = f"data/{name}.pt"
        data = Path(spec.submodule_search_locations[0], source).read_bytes()
        net.load_state_dict(torch.load(io.BytesIO(data), weights_only=True))
        entry["tensors"][name] = {"file": source, "sha256": hashlib.sha256(data).hexdigest()}
        example = torch.rand(2, 3, size or 40, size or 56) * 2 - 1
        file = f"mtcnn-{name}.onnx"
        files[file] = to_onnx(make_lean(net).eval(), example, reference=net.eval(), dynamic_size=size is None)
        entry["onnx"][name] = _named(file, files)
    return entry, files


def branch_state(branch: str, run: Path | None, weights_dir: Path, share: float = 1.0) -> dict[str, Tensor]:
    """The best weights of a branch's run in half precision; without a run, the published weights.

    With a ``share`` below 1, the weighted mean of both: what the run gains on its sets, and less of what it loses
    elsewhere (Wortsman et al. 2022, Robust fine-tuning of zero-shot models).
    """
    if run is None:
        return read_published(weights_dir, branch)
    trained = load_file(run / BEST)
    if share < 1:
        published = read_published(weights_dir, branch)
        trained = {name: torch.lerp(published[name].float(), tensor, share) for name, tensor in trained.items()}
    return {name: halve_precision(tensor) for name, tensor in trained.items()}


def export_attributes(
    net: AttributeNet, training: Mapping[str, Manifest], chips: npt.NDArray[np.uint8], version: str, pack: Pack
) -> tuple[Manifest, Files]:
    """Exports the net; returns its manifest entry and its files. chips: for ``quantize``.

    ``training.publish.calibrate`` and ``training.publish.card`` fill in the rest.
    """
    example = torch.rand(2, 3, CHIP_PX, CHIP_PX) * 255
    served = MirrorAveraged(net).eval()
    model = to_onnx(LeanAttributes(net).eval(), example, reference=served, outputs=list(net.head_sizes))
    state = {name: halve_precision(tensor).contiguous() for name, tensor in net.state_dict().items()}
    files = {"attributes.onnx": quantize(model, chips), "attributes.safetensors": save(state)}
    entry: Manifest = {
        "name": NAMES[pack],
        "version": version,
        "reader": "attributes",
        "architecture": f"{ARCHITECTURES[pack]}, a linear head an attribute; logits averaged over the chip and its "
        "mirror image; in 8-bit integers where ONNX Runtime serves it",
        "outputs": list(net.head_sizes),
        "heads": net.head_sizes,
        "crop": {"template": XCLOUD_5.name, "size": CHIP_PX, "margin": 0.0},
        "labels": {name: list(classes) for name, classes in CLASSES.items() if name in net.head_sizes},
        "licence": LICENCES[pack],
        "trained_on": [SET_NAMES.get(name, name) for name in list_sets(training)],
        "training": dict(training),
        "onnx": _named("attributes.onnx", files),
        "tensors": _named("attributes.safetensors", files),
        "calibration": {"coverage": 0.8, "bias": {}, "temperature": {}, "slopes": {}, "levels": {}},
        "metrics": {},
    }
    return entry, files


def export_small(net: nn.Module, stem: str, side: int) -> tuple[Manifest, Files]:
    """Rounds a net of chips of ``side`` pixels to half precision, in place; gives the fields ``onnx`` and ``tensors``
    of its entry in the manifest, and their files."""
    state = {name: halve_precision(tensor).contiguous() for name, tensor in net.state_dict().items()}
    net.load_state_dict(state)
    onnx, tensors = f"{stem}.onnx", f"{stem}.safetensors"
    files = {onnx: to_onnx(net.eval(), torch.rand(2, 3, side, side) * 255), tensors: save(state)}
    return {"onnx": _named(onnx, files), "tensors": _named(tensors, files)}, files


def _describe_run(run: Path, share: float = 1.0) -> Manifest:
    """Describes how a branch was made: the commands, their settings, its starting weights, its share in the mean with
    the weights published before, and its log.

    If it started from another run, ``before`` has that run's settings, and the log begins with its epochs.
    """
    checkpoint = torch.load(run / CHECKPOINT, weights_only=True, map_location="cpu")
    config, log = checkpoint["config"], read_log(run / LOG)
    told: Manifest = {
        "command": _commands(config["name"]),
        "config": config,
        "started_from": checkpoint["started_from"],
        "taught_by": checkpoint["taught_by"],
        "epochs_done": checkpoint["epoch"],
        "share": share,
        "log": log,
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
    }
    if config["start"] in list_recipes():
        first = _describe_run(run.parent / config["start"])
        done = first["epochs_done"]
        told |= {
            "before": first["config"],
            "started_from": first["started_from"],
            "epochs_done": done + told["epochs_done"],
            "log": first["log"] + [row | {"epoch": row["epoch"] + done} for row in log],
        }
    return told


def _commands(name: str) -> str:
    """The commands that train a recipe; first the run that it starts from."""
    start = find_recipe(name).start
    before = f"{_commands(start)} && " if start in list_recipes() else ""
    return f"{before}python -m training.train --recipe {name} --data DATA"


def list_sets(training: Mapping[str, Manifest]) -> list[str]:
    """The tables that the branches learned from; weights up to 1.6.0 have them as ``repeats``."""
    configs = [told["config"] for told in training.values()]
    return sorted({name for config in configs for name in (config["sets"] if "sets" in config else config["repeats"])})


def halve_precision(tensor: Tensor) -> Tensor:
    """Rounds large tensors to half precision; small ones (biases) stay as they are."""
    return tensor.half() if tensor.numel() >= _SMALLEST_HALVED else tensor


def to_onnx(
    net: nn.Module,
    example: Tensor,
    *,
    reference: nn.Module | None = None,
    dynamic_size: bool = False,
    outputs: list[str] | None = None,
) -> bytes:
    """The net as ONNX with a free batch (and image) size; ``outputs`` name what it gives, in order.

    Raises AssertionError if its outputs differ from those of ``reference``, by default of ``net`` itself, in PyTorch.
    """
    axes = {0: torch.export.Dim("batch")}
    if dynamic_size:
        axes |= {2: torch.export.Dim("height", min=12), 3: torch.export.Dim("width", min=12)}
    program = torch.onnx.export(
        net, (example,), dynamo=True, dynamic_shapes=(axes,), output_names=outputs, verbose=False
    )
    assert program is not None
    data: bytes = forget_origin(program.model_proto).SerializeToString()
    _check_parity(reference or net, example, data)
    return data


def forget_origin(model: ModelProto) -> ModelProto:
    """Removes in place where each part was traced from: paths of the machine that exported it."""
    parts = [model, model.graph, *model.functions]
    for graph in (model.graph, *model.functions):
        parts += [*graph.node, *graph.value_info]
    for part in (*parts, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def _check_parity(net: nn.Module, example: Tensor, model: bytes) -> None:
    # Imported here, after cv.engine, which switches off its telemetry.
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    served = session.run(None, {session.get_inputs()[0].name: example.numpy()})
    with torch.inference_mode():
        reference = net(example)
    worst = max(float(np.abs(s - r.numpy()).max()) for s, r in zip(served, reference, strict=True))
    assert worst <= TOLERANCE, f"ONNX and PyTorch differ by {worst:.2e}; the limit is {TOLERANCE:.0e}"


def _named(file: str, files: Files) -> Mapping[str, str]:
    return {"file": file, "sha256": hashlib.sha256(files[file]).hexdigest()}


if __name__ == "__main__":
    main()
