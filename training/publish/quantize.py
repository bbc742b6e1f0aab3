"""Quantizes the attribute net to 8-bit integers, which a CPU multiplies two to three times as fast as floats.

Weights have one scale per output channel, maps one each, measured on faces (static quantization, Jacob et al. 2018).
Weights use 7 of the 8 bits, so that sums of two products fit 16 bits on every CPU, and all CPUs give the same numbers.
What the rounded weights add to a channel's mean is taken from its bias (bias correction, Nagel et al. 2019).
"""

import random
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, numpy_helper

from cv.engine.detect import Detector
from cv.engine.transforms import chips_to_input
from training.data.chips import find_largest_faces
from training.data.tables import rows

_FACES_A_SET, _BATCH = 96, 16
# At least as many faces measure the means of the maps; all, if there are fewer.
_FACES_FOR_MEANS = 128
_SEED = 20261122

Chips = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]


def sample_chips(tables: list[Path], chip_px: int, detector: Detector) -> Chips:
    """Draws chips, cut as the service cuts them, uint8 RGB ``(N, S, S, 3)``: readable training faces of every table."""
    dice = random.Random(_SEED)  # noqa: S311  (nothing here is secret)
    chips = []
    for table in tables:
        chosen = dice.sample(list(rows(table, "train")), _FACES_A_SET)
        chips += [face.chip for _, face in find_largest_faces(detector, table, chosen, chip_px) if face]
    return np.stack(chips)


def quantize(model: bytes, chips: Chips) -> bytes:
    """Quantizes an ONNX model of chips; the ranges and means of its maps are measured on ``chips``."""
    # Imported here, after cv.engine, which switches off its telemetry.
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, corrected, in_integers = (Path(folder, f"{n}.onnx") for n in ("plain", "prep", "bias", "int8"))
        plain.write_bytes(model)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        _quantize(prepared, in_integers, chips)
        onnx.save(correct_biases(onnx.load(prepared), onnx.load(in_integers), chips), corrected)
        _quantize(corrected, in_integers, chips)
        return in_integers.read_bytes()


def _quantize(model: Path, out: Path, chips: Chips) -> None:
    from onnxruntime.quantization import QuantType, quantize_static

    graph = onnx.load(model).graph
    quantize_static(
        model,
        out,
        _Reader(graph.input[0].name, chips),
        # These shrink the chips for a branch; an error here would reach every layer.
        nodes_to_exclude=[node.name for node in graph.node if node.op_type == "MatMul"],
        activation_type=QuantType.QUInt8,
        per_channel=True,
        reduce_range=True,
    )


def correct_biases(model: onnx.ModelProto, in_integers: onnx.ModelProto, chips: Chips) -> onnx.ModelProto:
    """The float ``model`` with biases that make up for the rounding of its weights in ``in_integers``.

    A weight that is off by ``d`` moves its channel's mean by ``d`` times the mean of the map that it reads.
    """
    convolutions = [node for node in model.graph.node if node.op_type == "Conv" and len(node.input) > 2]
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    integers = {tensor.name: numpy_helper.to_array(tensor) for tensor in in_integers.graph.initializer}
    means = _mean_inputs(model, convolutions, chips[:: max(len(chips) // _FACES_FOR_MEANS, 1)])
    for node in convolutions:
        read, weight, bias = node.input
        scale = integers[f"{weight}_scale"].reshape(-1, 1, 1, 1)
        off = integers[f"{weight}_quantized"] * scale - numpy_helper.to_array(values[weight])
        right = numpy_helper.to_array(values[bias]) - off.sum(axis=(2, 3)) @ means[read]
        values[bias].CopyFrom(numpy_helper.from_array(right.astype(np.float32), bias))
    return model


def _mean_inputs(model: onnx.ModelProto, nodes: list[NodeProto], chips: Chips) -> dict[str, Array]:
    """The means of the maps ``(C,)`` that the nodes read first, by name."""
    import onnxruntime

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = list(dict.fromkeys(node.input[0] for node in nodes))
    watched.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    reader, sums = _Reader(model.graph.input[0].name, chips), dict.fromkeys(names, np.float32(0))
    while batch := reader.get_next():
        for name, maps in zip(names, session.run(names, batch), strict=True):
            # By face, so that those of a smaller last batch count as much.
            sums[name] = sums[name] + maps.mean(axis=(2, 3)).sum(axis=0)
    return {name: np.asarray(total / len(chips), np.float32) for name, total in sums.items()}


class _Reader:
    """ONNX Runtime's ``CalibrationDataReader``: one batch per call, None after the last."""

    def __init__(self, name: str, chips: Chips) -> None:
        self._batches = ({name: chips_to_input(chips[i : i + _BATCH])} for i in range(0, len(chips), _BATCH))

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        return next(self._batches, None)
