"""Quantizes the attribute net to 8-bit integers, which a CPU multiplies two to three times as fast as floats.

Weights have one scale per output channel, maps one each, measured on faces (static quantization, Jacob et al. 2018).
Weights use 7 of the 8 bits, so that sums of two products fit 16 bits on every CPU, and all CPUs give the same numbers.
"""

import random
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from cv.engine.detect import Detector
from cv.engine.transforms import chips_to_input
from training.data.chips import find_largest_faces
from training.data.tables import rows

_FACES_A_SET, _BATCH = 96, 16
_SEED = 20261122


def sample_chips(tables: list[Path], chip_px: int, detector: Detector) -> npt.NDArray[np.uint8]:
    """Draws chips, cut as the service cuts them, uint8 RGB ``(N, S, S, 3)``: readable training faces of every table."""
    dice = random.Random(_SEED)  # noqa: S311  (nothing here is secret)
    chips = []
    for table in tables:
        chosen = dice.sample(list(rows(table, "train")), _FACES_A_SET)
        chips += [face.chip for _, face in find_largest_faces(detector, table, chosen, chip_px) if face]
    return np.stack(chips)


def quantize(model: bytes, chips: npt.NDArray[np.uint8]) -> bytes:
    """Quantizes an ONNX model of chips; the ranges of its maps are measured on ``chips``."""
    # Imported here, after cv.engine, which switches off its telemetry.
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, in_integers = (Path(folder, f"{name}.onnx") for name in ("plain", "prepared", "in_integers"))
        plain.write_bytes(model)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        quantize_static(
            prepared,
            in_integers,
            _Reader(graph.input[0].name, chips),
            # These shrink the chips for a branch; an error here would reach every layer.
            nodes_to_exclude=[node.name for node in graph.node if node.op_type == "MatMul"],
            activation_type=QuantType.QUInt8,
            per_channel=True,
            reduce_range=True,
        )
        return in_integers.read_bytes()


class _Reader:
    """ONNX Runtime's ``CalibrationDataReader``: one batch per call, None after the last."""

    def __init__(self, name: str, chips: npt.NDArray[np.uint8]) -> None:
        self._batches = ({name: chips_to_input(chips[i : i + _BATCH])} for i in range(0, len(chips), _BATCH))

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        return next(self._batches, None)
