"""Nets from TensorFlow Lite: the published file gives the published net, and every operator computes what it should."""

import struct

import numpy as np
import onnxruntime
import pytest

from training.publish.from_tflite import _Converter
from training.publish.tflite import Graph, Operator, Table, read_graph


def table(*fields: tuple[int, str, int]) -> Table:
    """A FlatBuffer table with these fields: number, kind, value."""
    most = max(field for field, _, _ in fields) + 1
    vtable = [0] * most
    for index, (field, _, _) in enumerate(fields):
        vtable[field] = 4 + 4 * index
    head = struct.pack(f"<HH{most}H", 4 + 2 * most, 4 + 4 * len(fields), *vtable)
    body = b"".join(struct.pack(f"<{kind}", value).ljust(4, b"\0") for _, kind, value in fields)
    return Table(head + struct.pack("<i", len(head)) + body, len(head))


def run(operator: Operator, shapes: list[list[int]], constants: dict[int, np.ndarray], given: np.ndarray) -> np.ndarray:
    graph = Graph([operator], [0], [operator.outputs[0]], shapes, constants)
    model = _Converter(graph).net("one", ["answer"])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (answer,) = session.run(None, {"picture": given.transpose(0, 3, 1, 2)})
    return np.asarray(answer.transpose(0, 2, 3, 1))


def test_a_strided_convolution_is_padded_at_the_end_as_tensorflow_does() -> None:
    given = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    weight = np.ones((1, 3, 3, 1), np.float16)
    options = table((0, "b", 0), (1, "i", 2), (2, "i", 2), (3, "b", 1))
    constants = {1: weight.astype(np.float32), 2: np.array([0.5], np.float32)}
    answer = run(Operator("Conv", [0, 1, 2], [3], options, b""), [[1, 4, 4, 1], [], [], [1, 2, 2, 1]], constants, given)
    # Windows of 3 × 3 that begin at 0 and 2; the last ones reach one past the edge.
    assert answer[0, :, :, 0].tolist() == [[45.5, 39.5], [66.5, 50.5]]


def test_a_transposed_convolution_doubles_the_picture() -> None:
    given = np.array([[[[1.0, 2.0]]]], np.float32)
    weight = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    options = struct.pack("<3i", 1, 2, 2)
    operator = Operator("Convolution2DTransposeBias", [0, 1, 2], [3], None, options)
    constants = {1: weight, 2: np.array([1.0], np.float32)}
    answer = run(operator, [[1, 1, 1, 2], [], [], [1, 2, 2, 1]], constants, given)
    assert answer[0, :, :, 0].tolist() == [[3.0, 9.0], [15.0, 21.0]]


def test_prelu_has_its_slope_for_each_channel() -> None:
    given = np.array([[[[-2.0, -2.0], [3.0, 3.0]]]], np.float32)
    slope = np.array([0.25, 0.5], np.float32).reshape(1, 1, 2)
    operator = Operator("PRelu", [0, 1], [2], None, b"")
    answer = run(operator, [[1, 1, 2, 2], [], [1, 1, 2, 2]], {1: slope}, given)
    assert answer.tolist() == [[[[-0.5, -1.0], [3.0, 3.0]]]]


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="not a TensorFlow Lite file"):
        read_graph(b"\0" * 64)
