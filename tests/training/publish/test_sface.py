"""The rewritten SFace computes what its graph says: PReLU without its node, and weights from blocks of integers."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from cv.engine.config import WEIGHTS_DIR
from training.publish.sface import CHIP_PX, FILE, SIZE, rewrite

CHANNELS, BLOCK = 1024, 64


def published(random: np.random.Generator) -> ModelProto:
    """A net of two layers with the published one's names, blocks and order of nodes."""
    nodes, constants = [], []

    def constant(name: str, values: np.ndarray) -> None:
        constants.append(numpy_helper.from_array(values, name))

    def quantized(name: str, shape: tuple[int, ...], block: int, divided_by: float) -> None:
        size = int(np.prod(shape[1:])) if len(shape) > 1 else shape[0]
        rows = shape[0] if len(shape) > 1 else 1
        grid = (rows, size // block) if len(shape) > 1 else (size // block,)
        constant(f"{name}_quantized", random.integers(-128, 128, (rows, size) if rows > 1 else (size,), dtype=np.int8))
        constant(f"{name}_scales", (random.random(grid) / divided_by).astype(np.float32))
        constant(f"{name}_zero_point", random.integers(-20, 20, grid, dtype=np.int8))
        constant(f"{name}_shape", np.array(shape, dtype=np.int64))
        inputs = [f"{name}_{part}" for part in ("quantized", "scales", "zero_point")]
        axis = 1 if rows > 1 else 0
        nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_flat"], axis=axis, block_size=block))
        nodes.append(helper.make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [f"{name}_reshaped"]))

    def normalise(name: str, at: str, channels: int, epsilon: float) -> str:
        for part, low in (("gamma", 0.5), ("beta", -0.5), ("moving_mean", -0.5), ("moving_var", 0.5)):
            constant(f"{name}_{part}", (random.random(channels) + low).astype(np.float32))
        inputs = [at, *(f"{name}_{part}" for part in ("gamma", "beta", "moving_mean", "moving_var"))]
        nodes.append(helper.make_node("BatchNormalization", inputs, [name], epsilon=epsilon))
        return name

    constant("mean", np.array([127.5], np.float32))
    constant("scale", np.array([1 / 128], np.float32))
    nodes.append(helper.make_node("Sub", ["data", "mean"], ["centred"]))
    nodes.append(helper.make_node("Mul", ["centred", "scale"], ["scaled"]))
    at, channels = "scaled", 3
    for name, (outputs, kernel, stride, block) in {"a": (32, 3, 4, 27), "b": (CHANNELS, 4, 4, BLOCK)}.items():
        quantized(f"{name}_conv2d_weight", (outputs, channels, kernel, kernel), block, 200 * channels)
        layer = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [1, 1, 1, 1], "group": 1}
        nodes.append(helper.make_node("Conv", [at, f"{name}_conv2d_weight_reshaped"], [f"{name}_conv2d"], **layer))
        at = normalise(f"{name}_batchnorm", f"{name}_conv2d", outputs, 1e-3)
        constant(f"{name}_relu_gamma", (random.random((outputs, 1, 1)) * 2 - 1).astype(np.float32))
        nodes.append(helper.make_node("PRelu", [at, f"{name}_relu_gamma"], [f"{name}_relu"]))
        at, channels = f"{name}_relu", outputs
    at = normalise("bn1", at, CHANNELS, 2e-5)
    quantized("pre_fc1_weight", (SIZE, CHANNELS * 49), BLOCK, 20_000)
    quantized("pre_fc1_bias", (SIZE,), BLOCK, 100)
    nodes.append(helper.make_node("Flatten", [at], ["flat"]))
    dense = ["flat", "pre_fc1_weight_reshaped", "pre_fc1_bias_reshaped"]
    nodes.append(helper.make_node("Gemm", dense, ["pre_fc1"], transB=1))
    normalise("fc1", "pre_fc1", SIZE, 2e-5)
    graph = helper.make_graph(
        nodes,
        "published",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, (1, 3, CHIP_PX, CHIP_PX))],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, (1, SIZE))],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def run(model: ModelProto, name: str, batch: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {name: batch})[0])


def test_the_rewritten_net_answers_as_the_published_one() -> None:
    random = np.random.default_rng(3)
    net = published(random)
    chips = random.integers(0, 256, (2, 3, CHIP_PX, CHIP_PX)).astype(np.float32)
    expected = np.concatenate([run(net, "data", chip[None]) for chip in chips])

    lean = rewrite(net)

    assert np.abs(expected).mean() > 0.1
    np.testing.assert_allclose(run(lean, "chips", chips), expected, atol=1e-4)
    assert {node.op_type for node in lean.graph.node}.isdisjoint({"PRelu", "BatchNormalization", "DequantizeLinear"})


def test_the_served_file_has_the_published_integers_and_no_prelu() -> None:
    net = onnx.load(WEIGHTS_DIR / FILE)

    sizes = {tensor.data_type: 0 for tensor in net.graph.initializer}
    for tensor in net.graph.initializer:
        sizes[tensor.data_type] += int(np.prod(tensor.dims))
    # The published file has 9,762,178 bytes of integers; the 132 of the last bias are folded into floats.
    assert sizes[TensorProto.INT8] == pytest.approx(9_762_178, abs=200)
    assert [node.op_type for node in net.graph.node].count("PRelu") == 0
