"""The least time that each stage's arithmetic can take on this machine, to compare with the measured time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import shape_inference

from cv.engine.labels import Attribute
from cv.engine.manifest import read_manifest
from cv.engine.pipeline import Engine
from cv.engine.readers.attributes import AttributeReader
from cv.engine.readers.loading import LazyReader
from cv.engine.sessions import Array, Net
from cv.engine.types import AnalysisOptions

_GEMM = 1024
_COPY_BYTES = 256 * 2**20
_REPEATS = 5
_NETS = ("pnet", "rnet", "onet", "attributes")


def machine_rates() -> dict[str, float]:
    """Multiply-adds per second of a matrix product on all cores, and bytes per second of a copy."""
    a = np.ones((_GEMM, _GEMM), np.float32)
    source = np.ones(_COPY_BYTES, np.uint8)
    target = np.empty_like(source)
    return {
        "gemm_gmacs": round(_GEMM**3 / _fastest(lambda: a @ a) / 1e9, 1),
        "copy_gb_per_second": round(_COPY_BYTES / _fastest(lambda: np.copyto(target, source)) / 1e9, 1),
    }


def net_floors(engine: Engine, weights_dir: Path, photos: list[bytes], gemm_gmacs: float) -> dict[str, Any]:
    """For each net, a photo on average: calls, rows, million multiply-adds, the floor and the measured milliseconds."""
    counters = {name: _Counter(net) for name, net in zip(_NETS, _nets_of(engine), strict=True)}
    reader = AttributeReader(engine.default, counters["attributes"])
    counting = replace(
        engine,
        detector=replace(
            engine.detector,
            proposal_net=counters["pnet"],
            refine_net=counters["rnet"],
            output_net=counters["onet"],
        ),
        readers=(LazyReader(reader.card, reader.crop, reader.gives, lambda: reader, lambda: None),),
    )
    for photo in photos:
        counting.analyze(photo, AnalysisOptions())
    manifest = read_manifest(weights_dir)
    files = {**manifest.detector, "attributes": manifest.default.files}
    floors = {}
    for name, counter in counters.items():
        model = onnx.load_from_string(files[name].onnx.read())
        macs = sum(times * multiply_adds(model, shape) for shape, times in counter.shapes.items())
        million = macs / len(photos) / 1e6
        floors[name] = {
            "calls": round(sum(counter.shapes.values()) / len(photos), 1),
            "rows": round(sum(shape[0] * times for shape, times in counter.shapes.items()) / len(photos), 1),
            "million_multiply_adds": round(million, 1),
            "floor_ms": round(million / gemm_gmacs, 2),
            "ms": round(counter.seconds * 1000 / len(photos), 2),
        }
    return floors


def multiply_adds(model: onnx.ModelProto, input_shape: tuple[int, ...]) -> int:
    """Counts the multiply-adds of all convolutions and matrix products of a graph with one input."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for dimension, size in zip(fixed.graph.input[0].type.tensor_type.shape.dim, input_shape, strict=True):
        dimension.ClearField("dim_param")
        dimension.dim_value = size
    del fixed.graph.value_info[:]
    for output in fixed.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = shape_inference.infer_shapes(fixed, data_prop=True).graph
    shapes: dict[str, tuple[int, ...]] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in [*graph.value_info, *graph.input, *graph.output]:
        shapes[value.name] = tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
    return sum(_count_of_node(node, shapes) for node in graph.node)


def _count_of_node(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> int:
    if node.op_type == "Conv":
        # A weight is (out, in / groups, height, width), so its size already accounts for groups.
        return int(np.prod(shapes[node.output[0]]) * np.prod(shapes[node.input[1]][1:]))
    if node.op_type in ("Gemm", "MatMul"):
        inner = shapes[node.input[0]][-1]
        return int(np.prod(shapes[node.output[0]]) * inner)
    return 0


@dataclass(slots=True)
class _Counter:
    """Wraps a net; records the shapes of its inputs and the time that it took."""

    net: Net
    shapes: dict[tuple[int, ...], int] = field(default_factory=dict)
    seconds: float = 0.0

    def __call__(self, batch: Array) -> list[Array]:
        self.shapes[batch.shape] = self.shapes.get(batch.shape, 0) + 1
        started = time.perf_counter()
        outputs = self.net(batch)
        self.seconds += time.perf_counter() - started
        return outputs


def _nets_of(engine: Engine) -> tuple[Net, Net, Net, Net]:
    detector, reader = engine.detector, engine.reader(Attribute.AGE)
    assert isinstance(reader, AttributeReader)
    return detector.proposal_net, detector.refine_net, detector.output_net, reader.net


def _fastest(work: Callable[[], object]) -> float:
    def seconds() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return min(seconds() for _ in range(_REPEATS))
