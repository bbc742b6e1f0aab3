"""Publishes MediaPipe's face mesh with a second head, which tells iBUG's 68 points from what the mesh is told from.

``python -m training.publish.face_mesh --tflite face_landmark.tflite --data landmarks68.parquet``

The file is that of the Python package ``mediapipe`` 0.10.14 (``mediapipe/modules/face_landmark``), Apache-2.0. Its last
layer turns 288 numbers into the 468 points. The second head is one more linear layer on these numbers: ridge regression
on the ``train`` rows of the labelled faces, each also mirrored, in views that are moved, turned and scaled a little.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper
from PIL import Image, ImageOps
from tqdm import tqdm

from cv.engine.align import XCLOUD_5, Crop, Similarity, crop_similarity, warp
from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.decode import decode
from cv.engine.fields import MANIFEST
from cv.engine.outputs import MESH, OPENNESS, POINTS, POSE
from cv.engine.pipeline import Engine
from cv.engine.readers.mesh import VIEW_PX, cut_views, first_view, to_plane, view_around
from cv.engine.runtime import get_engine
from cv.engine.types import MIN_FACE_PX_RANGE, AnalysisOptions, Landmarks
from training.data.labels import Row
from training.data.tables import rows
from training.publish.export import Manifest, put_entry, write_manifest
from training.publish.from_tflite import convert

Array = npt.NDArray[np.float64]

NAME: Final = "face-mesh"
FILE: Final = "face-mesh.onnx"
COMMAND: Final = "python -m training.publish.face_mesh --tflite face_landmark.tflite --data landmarks68.parquet"
SOURCE_SHA256: Final = "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
CROP: Final = Crop(XCLOUD_5, 256, 0.35)
# Views of each picture and of its mirror image that the head is fitted on; the ridge, of five by the error on people
# left out in five folds of ``train``.
VIEWS, RIDGE, SEED = 4, 0.1, 1
# How much a view is moved (of its side), turned (radians) and scaled: one standard deviation each.
MOVED, TURNED, SCALED = 0.03, 0.06, 0.05
# iBUG's points in the order in which their mirror images come.
MIRRORED: Final = [
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
    41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65,
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tflite", type=Path, required=True, help="the published file")
    parser.add_argument("--data", type=Path, required=True, help="table of faces with 68 labelled points")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    published = arguments.tflite.read_bytes()
    if hashlib.sha256(published).hexdigest() != SOURCE_SHA256:
        raise SystemExit(f"{arguments.tflite} is not the published file: its SHA-256 differs from {SOURCE_SHA256}")
    net = convert(published, NAME, ["mesh", "face"])
    views = collect(net, get_engine(EngineConfig(threads=1)), rows(arguments.data, "train"))
    data = add_head(net, *fit_head(views.features, views.points)).SerializeToString(deterministic=True)
    path = arguments.weights_dir / MANIFEST
    manifest: Manifest = json.loads(path.read_text())
    earlier: Manifest = next((model for model in manifest["models"] if model["name"] == NAME), {})
    put_entry(manifest, describe(data, len(views.points) // (2 * VIEWS)) | {"metrics": earlier.get("metrics", {})})
    write_manifest(path, manifest, {FILE: data})


def describe(data: bytes, faces: int) -> Manifest:
    """The model's entry in the manifest, without metrics."""
    return {
        "name": NAME,
        "version": "1.0.0",
        "reader": "mesh",
        "architecture": "MediaPipe face mesh: a small residual net on 192 pixels, 468 points in space, and a second "
        "linear head for 68 points; two views of each face",
        "outputs": [POINTS.name, MESH.name, POSE.name, OPENNESS.name],
        "heads": {POINTS.name: 68, MESH.name: 468, POSE.name: 3, OPENNESS.name: 3},
        "crop": {"template": CROP.template.name, "size": CROP.size, "margin": CROP.margin},
        "labels": {POSE.name: list(POSE.labels), OPENNESS.name: list(OPENNESS.labels)},
        "licence": "Apache-2.0 (MediaPipe); the head for 68 points: research use only, not commercial",
        "trained_on": ["the mesh: not documented by its makers", "the 68 points: Helen (300-W)"],
        "training": {
            NAME: {
                "command": COMMAND,
                "started_from": f"face_landmark.tflite of the wheel mediapipe 0.10.14, sha256 {SOURCE_SHA256}",
                "faces": faces,
                "views": 2 * VIEWS * faces,
                "ridge": RIDGE,
                "seed": SEED,
                "date": "2026-11-29",
            }
        },
        "onnx": {"file": FILE, "sha256": hashlib.sha256(data).hexdigest()},
        "calibration": {"coverage": 0.0},
        "metrics": {},
    }


def features_of(net: ModelProto) -> str:
    """The tensor from which the net's last layer tells the mesh."""
    made_by = {output: node for node in net.graph.node for output in node.output}
    layer = made_by[made_by["mesh"].input[0]]
    return str(layer.input[0])


@dataclass(frozen=True, slots=True)
class Views:
    """The last layer's input ``(N, 288)``, the mesh ``(N, 468, 3)`` and the labelled points ``(N, 68, 2)``, both in
    pixels of the view: ``VIEWS`` of each face, then as many of its mirror image."""

    features: Array
    meshes: Array
    points: Array


def collect(net: ModelProto, engine: Engine, numbered: Iterable[tuple[int, Row]]) -> Views:
    """Views of each face that is found. Labels are those of ``points``."""
    probe = ModelProto.FromString(net.SerializeToString())
    probe.graph.output.append(helper.make_tensor_value_info(features_of(net), TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])

    def run(view: npt.NDArray[np.uint8]) -> tuple[Array, Array]:
        told = session.run(["mesh", features_of(net)], {"picture": view.transpose(0, 3, 1, 2).astype(np.float32) / 255})
        return told[0].reshape(-1, 3), told[1].reshape(-1)

    dice = np.random.default_rng(SEED)
    features, meshes, points = [], [], []
    for _, row in tqdm(numbered, desc="faces", unit="img", file=sys.stderr):
        photo = decode(row["image"], engine.limits, MIN_FACE_PX_RANGE[0], reduce=False)
        labelled = np.array(row["points"], np.float64).reshape(-1, 2)
        found = engine.analyze(row["image"], AnalysisOptions(frozenset(), min_face_px=20)).faces
        around = [face for face in found if face.box.x < labelled[30, 0] < face.box.x + face.box.width]
        if not around:
            continue
        face = max(around, key=lambda face: face.box.area)
        for picture, landmarks, truth in both_ways(photo.pixels, face.landmarks, labelled):
            to_chip, first = crop_similarity(landmarks, CROP), first_view(CROP)
            chips = warp(picture, to_chip, CROP.size)[None]
            mesh, _ = run(cut_views(chips, [first]))
            best = view_around(to_plane(mesh, first.inverse()))
            on_chip = to_plane(truth, to_chip)
            for number in range(VIEWS):
                view = best if number == 0 else best.then(_jitter(dice))
                mesh, told = run(cut_views(chips, [view]))
                meshes.append(mesh)
                features.append(told)
                points.append(view.a * on_chip + view.b)
    every = np.array(points)
    seen = np.stack([every.real, every.imag], axis=2)
    return Views(np.array(features, np.float64), np.array(meshes, np.float64), seen)


def both_ways(
    picture: Image.Image, landmarks: Landmarks, points: Array
) -> Iterator[tuple[Image.Image, Landmarks, Array]]:
    """As it is, and in the mirror. Labels count from the middle of the first pixel, landmarks from its edge."""
    yield picture, landmarks, points
    left, right, nose, mouth_left, mouth_right = ((picture.width - x, y) for x, y in landmarks)
    mirrored = np.stack([picture.width - 1 - points[:, 0], points[:, 1]], axis=1)[MIRRORED]
    yield ImageOps.mirror(picture), Landmarks(right, left, nose, mouth_right, mouth_left), mirrored


def _jitter(dice: np.random.Generator) -> Similarity:
    """A small change of a view, around its middle."""
    factor = np.exp(complex(dice.normal() * SCALED, dice.normal() * TURNED))
    middle = complex(1, 1) * VIEW_PX / 2
    moved = complex(dice.normal(), dice.normal()) * MOVED * VIEW_PX
    return Similarity(complex(factor), middle - factor * middle + moved)


def fit_head(features: Array, points: Array, ridge: float = RIDGE) -> tuple[Array, Array]:
    """The linear layer ``(288, 136)`` and its bias ``(136,)``; a view counts by the eyes' distance in it, as its error
    does."""
    weight = 1 / np.square(points[:, 36] - points[:, 45]).sum(axis=1)
    weight /= weight.sum()
    targets = points.reshape(len(points), -1)
    middle, spread = weight @ features, features.std(axis=0) + 1e-6
    centred = (features - middle) / spread
    mean = weight @ targets
    gram = (centred * weight[:, None]).T @ centred + ridge * np.eye(features.shape[1])
    slopes = np.linalg.solve(gram, (centred * weight[:, None]).T @ (targets - mean)) / spread[:, None]
    return slopes, mean - middle @ slopes


def add_head(net: ModelProto, slopes: Array, bias: Array) -> ModelProto:
    """The net that is served: ``chips`` float32 ``(N, 3, 192, 192)``, RGB in [0, 255] → ``mesh`` ``(N, 1404)`` and
    ``points`` ``(N, 136)``, in pixels of the view."""
    features = features_of(net)
    kept = [node for node in net.graph.node if node.output[0] != "face"]
    used = {name for node in kept for name in node.input}
    constants = [tensor for tensor in net.graph.initializer if tensor.name in used]
    for name, values in (("level", np.float32(1 / 255)), ("slopes", slopes), ("bias", bias)):
        constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
    nodes = [
        helper.make_node("Mul", ["chips", "level"], ["picture"]),
        *kept,
        helper.make_node("Flatten", [features], ["features"]),
        helper.make_node("Gemm", ["features", "slopes", "bias"], ["points"]),
    ]
    shown = [("chips", ("batch", 3, VIEW_PX, VIEW_PX)), ("mesh", ("batch", 1404)), ("points", ("batch", len(bias)))]
    given, *told = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shown)
    graph = helper.make_graph(nodes, NAME, [given], told, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    main()
