"""Turns a TensorFlow Lite net into ONNX: the same operators and weights, channels first.

Weights in 16-bit floats become 32-bit ones. Paddings are written out, and PReLU becomes ``(1 - a) * ReLU(x) + a * x``,
because ONNX Runtime keeps that in its blocked layout and its own PReLU not.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from training.publish.tflite import Array, Graph, Operator, read_graph

_SAME: Final = 0
_RELU, _RELU6 = 1, 3
# Fields of an operator's options: padding, strides across and down, and the fused activation.
_CONV, _DEPTHWISE, _POOL = (0, 1, 2, 3), (0, 1, 2, 4), (0, 1, 2, 5)


def convert(data: bytes, name: str, outputs: Sequence[str]) -> ModelProto:
    """``data`` takes float32 ``(1, H, W, 3)`` in [0, 1]; the net that comes out takes ``(batch, 3, H, W)``.

    Its outputs get the names ``outputs``, in the file's order; those of 1 × 1 pixels become ``(batch, channels)``.
    Raises ValueError for a file of another kind or an operator used in another way, KeyError for an unknown operator.
    """
    return _Converter(read_graph(data)).net(name, outputs)


class _Converter:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values = dict(graph.constants)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        # The names of tensors that were computed.
        self.names = {graph.inputs[0]: "picture"}

    def net(self, name: str, outputs: Sequence[str]) -> ModelProto:
        for operator in self.graph.operators:
            found = getattr(self, f"_{operator.name}")(operator)
            if found:
                self.names[operator.outputs[0]] = found
        _, height, width, channels = self.graph.shapes[self.graph.inputs[0]]
        given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ("batch", channels, height, width))
        told = [self.output(number, output) for number, output in zip(self.graph.outputs, outputs, strict=True)]
        graph = helper.make_graph(self.nodes, name, [given], told, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def output(self, number: int, name: str) -> onnx.ValueInfoProto:
        _, height, width, channels = self.graph.shapes[number]
        flat = height == width == 1
        self.add("Flatten" if flat else "Identity", self.names[number], to=name)
        shape = ("batch", channels) if flat else ("batch", channels, height, width)
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def _Dequantize(self, operator: Operator) -> None:  # noqa: N802 -- the operators' own names
        self.values[operator.outputs[0]] = self.values[operator.inputs[0]].astype(np.float32)

    def _Conv(self, operator: Operator) -> str:  # noqa: N802
        weight = self.values[operator.inputs[1]].transpose(0, 3, 1, 2)
        return self.convolution("Conv", operator, weight, _CONV, group=1)

    def _DepthwiseConv(self, operator: Operator) -> str:  # noqa: N802
        weight = self.values[operator.inputs[1]].transpose(3, 0, 1, 2)
        return self.convolution("Conv", operator, weight, _DEPTHWISE, group=len(weight))

    def _Convolution2DTransposeBias(self, operator: Operator) -> str:  # noqa: N802
        """MediaPipe's own operator: its options are padding and strides as three 32-bit integers."""
        padding, *strides = struct.unpack("<3i", operator.custom_options[:12])
        weight = self.values[operator.inputs[1]].transpose(3, 0, 1, 2)
        if list(weight.shape[2:]) != strides or padding not in (0, 1, 2):
            raise ValueError("transposed convolution whose kernel is not as large as its stride")
        return self.add("ConvTranspose", *self.inputs(operator, weight), strides=strides)

    def convolution(
        self, kind: str, operator: Operator, weight: Array, fields: tuple[int, int, int, int], group: int
    ) -> str:
        size, strides = list(weight.shape[2:]), self.strides(operator, fields)
        pads = self.pads(operator, size, strides, fields)
        found = self.add(
            kind, *self.inputs(operator, weight), kernel_shape=size, strides=strides, pads=pads, group=group
        )
        return self.activated(found, operator.option(fields[3], "b"))

    def inputs(self, operator: Operator, weight: Array) -> tuple[str, str, str]:
        bias = self.values[operator.inputs[2]]
        return self.names[operator.inputs[0]], self.constant(weight), self.constant(bias)

    def strides(self, operator: Operator, fields: tuple[int, int, int, int]) -> list[int]:
        return [operator.option(fields[2], default=1), operator.option(fields[1], default=1)]

    def pads(
        self, operator: Operator, size: list[int], strides: list[int], fields: tuple[int, int, int, int]
    ) -> list[int]:
        """TensorFlow's SAME: the odd row and column are at the end."""
        if operator.option(fields[0], "b") != _SAME:
            return [0, 0, 0, 0]
        _, *pixels, _ = self.graph.shapes[operator.inputs[0]]
        totals = [
            max((-(-side // stride) - 1) * stride + kernel - side, 0)
            for side, stride, kernel in zip(pixels, strides, size, strict=True)
        ]
        before = [total // 2 for total in totals]
        return before + [total - first for total, first in zip(totals, before, strict=True)]

    def activated(self, name: str, kind: int) -> str:
        if kind == _RELU:
            return self.add("Relu", name)
        if kind == _RELU6:
            return self.add("Clip", name, self.constant(np.float32(0)), self.constant(np.float32(6)))
        return name

    def _Add(self, operator: Operator) -> str:  # noqa: N802
        return self.activated(self.add("Add", *map(self.named, operator.inputs)), operator.option(0, "b"))

    def _Mul(self, operator: Operator) -> str:  # noqa: N802
        return self.activated(self.add("Mul", *map(self.named, operator.inputs)), operator.option(0, "b"))

    def _Relu(self, operator: Operator) -> str:  # noqa: N802
        return self.add("Relu", self.names[operator.inputs[0]])

    def _Sigmoid(self, operator: Operator) -> str:  # noqa: N802
        return self.add("Sigmoid", self.names[operator.inputs[0]])

    def _HardSwish(self, operator: Operator) -> str:  # noqa: N802
        return self.add("HardSwish", self.names[operator.inputs[0]])

    def _PRelu(self, operator: Operator) -> str:  # noqa: N802
        slope = self.values[operator.inputs[1]].reshape(-1, 1, 1)
        found = self.names[operator.inputs[0]]
        line = self.add("Mul", found, self.constant(slope))
        return self.add("Add", line, self.add("Mul", self.add("Relu", found), self.constant(1 - slope)))

    def _AveragePool(self, operator: Operator) -> str:  # noqa: N802
        if self.graph.shapes[operator.outputs[0]][1:3] != [1, 1]:
            raise ValueError("a mean of a part of the pixels")
        return self.add("GlobalAveragePool", self.names[operator.inputs[0]])

    def _MaxPool(self, operator: Operator) -> str:  # noqa: N802
        size, strides = [operator.option(4), operator.option(3)], self.strides(operator, _POOL)
        pads = self.pads(operator, size, strides, _POOL)
        return self.add("MaxPool", self.names[operator.inputs[0]], kernel_shape=size, strides=strides, pads=pads)

    def _Pad(self, operator: Operator) -> str:  # noqa: N802
        rows = self.values[operator.inputs[1]][[0, 3, 1, 2]]
        return self.add("Pad", self.names[operator.inputs[0]], self.constant(rows.T.reshape(-1).astype(np.int64)))

    def _Resize(self, operator: Operator) -> str:  # noqa: N802
        mode = "align_corners" if operator.option(2, "b") else "half_pixel" if operator.option(3, "b") else "asymmetric"
        (_, *old, _), (_, *new, _) = (self.graph.shapes[at] for at in (operator.inputs[0], operator.outputs[0]))
        scales = np.array([1, 1, *(after / before for before, after in zip(old, new, strict=True))], np.float32)
        given = self.names[operator.inputs[0]], "", self.constant(scales)
        return self.add("Resize", *given, mode="linear", coordinate_transformation_mode=mode)

    def named(self, number: int) -> str:
        """A tensor that was computed, or a constant with the channels first."""
        if number in self.names:
            return self.names[number]
        values = self.values[number]
        return self.constant(values.reshape(-1, 1, 1) if values.ndim else values)

    def constant(self, values: Array | np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind: str, *inputs: str, to: str = "", **settings: Any) -> str:
        """Adds a node; returns the name of its result."""
        name = to or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **settings))
        return name
