"""Reads TensorFlow Lite files: operators, tensors and constants, as far as the nets that are published here need it.

A TFLite file is a FlatBuffer; the numbers of fields are those of TensorFlow's ``schema.fbs``.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TYPES: Final[dict[int, Any]] = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}
# The operators by their numbers.
_NAMES: Final = {
    0: "Add", 2: "Concat", 1: "AveragePool", 3: "Conv", 4: "DepthwiseConv", 6: "Dequantize", 14: "Sigmoid",
    17: "MaxPool", 18: "Mul", 19: "Relu", 22: "Reshape", 23: "Resize", 34: "Pad", 54: "PRelu", 117: "HardSwish",
}  # fmt: skip
_CUSTOM: Final = 32


@dataclass(frozen=True, slots=True)
class Table:
    """A FlatBuffer table; fields that are not there have their default."""

    data: bytes
    at: int

    def number(self, field: int, kind: str = "i", default: int = 0) -> int:
        place = self._place(field)
        return default if place is None else int(struct.unpack_from(f"<{kind}", self.data, place)[0])

    def table(self, field: int) -> "Table | None":
        place = self._place(field)
        return None if place is None else Table(self.data, self._follow(place))

    def tables(self, field: int) -> list["Table"]:
        start, count = self._vector(field)
        return [Table(self.data, self._follow(start + 4 * i)) for i in range(count)]

    def numbers(self, field: int) -> list[int]:
        start, count = self._vector(field)
        return list(struct.unpack_from(f"<{count}i", self.data, start))

    def bytes(self, field: int) -> bytes:
        start, count = self._vector(field)
        return self.data[start : start + count]

    def _place(self, field: int) -> int | None:
        vtable = self.at - int(struct.unpack_from("<i", self.data, self.at)[0])
        if 4 + 2 * field >= self._short(vtable):
            return None
        offset = self._short(vtable + 4 + 2 * field)
        return self.at + offset if offset else None

    def _short(self, place: int) -> int:
        return int(struct.unpack_from("<H", self.data, place)[0])

    def _follow(self, place: int) -> int:
        return place + int(struct.unpack_from("<I", self.data, place)[0])

    def _vector(self, field: int) -> tuple[int, int]:
        place = self._place(field)
        if place is None:
            return 0, 0
        start = self._follow(place)
        return start + 4, int(struct.unpack_from("<I", self.data, start)[0])


@dataclass(frozen=True, slots=True)
class Operator:
    """``inputs`` and ``outputs`` are numbers of tensors, -1 is none; ``options`` are the operator's own."""

    name: str
    inputs: list[int]
    outputs: list[int]
    options: Table | None
    custom_options: bytes

    def option(self, field: int, kind: str = "i", default: int = 0) -> int:
        return self.options.number(field, kind, default) if self.options else default


@dataclass(frozen=True, slots=True)
class Graph:
    """``shapes`` of all tensors, and the values of those that are constant."""

    operators: list[Operator]
    inputs: list[int]
    outputs: list[int]
    shapes: list[list[int]]
    constants: dict[int, Array]


def read_graph(data: bytes) -> Graph:
    """The first subgraph. Raises ValueError for a file of another kind, KeyError for an unknown operator."""
    if data[4:8] != b"TFL3":
        raise ValueError("not a TensorFlow Lite file")
    model = Table(data, int(struct.unpack_from("<I", data)[0]))
    names = [_name(code) for code in model.tables(1)]
    buffers = model.tables(4)
    graph = model.tables(2)[0]
    tensors = graph.tables(0)
    constants = {}
    for number, tensor in enumerate(tensors):
        values = buffers[tensor.number(2, "I")].bytes(0)
        if values:
            constants[number] = np.frombuffer(values, _TYPES[tensor.number(1, "b")]).reshape(tensor.numbers(0))
    operators = [
        Operator(names[found.number(0, "I")], found.numbers(1), found.numbers(2), found.table(4), found.bytes(5))
        for found in graph.tables(3)
    ]
    return Graph(operators, graph.numbers(1), graph.numbers(2), [tensor.numbers(0) for tensor in tensors], constants)


def _name(code: Table) -> str:
    number = max(code.number(0, "b"), code.number(3))
    return code.bytes(1).decode() if number == _CUSTOM else _NAMES[number]
