"""Quantization, tested on a small net."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor, nn

from cv.engine.config import EngineConfig
from cv.engine.runtime import load_detector
from cv.engine.transforms import chips_to_input
from training.data.chips import find_largest_face
from training.publish.export import to_onnx
from training.publish.quantize import correct_biases, quantize, sample_chips

SIDE = 16

# Of PyTorch's own exporter.
pytestmark = pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning")


class SmallNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 16, 3), nn.Linear(16, 5)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.head(self.conv(images).relu().mean(dim=(2, 3))),)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return SmallNet().eval()


@pytest.fixture(scope="module")
def model(net: nn.Module) -> bytes:
    return quantize(to_onnx(net, torch.rand(2, 3, SIDE, SIDE) * 255, outputs=["race"]), chips(40, seed=0))


def chips(count: int, seed: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def test_an_exported_net_does_not_name_files_of_the_machine_that_exported_it(net: nn.Module) -> None:
    exported = to_onnx(net, torch.rand(2, 3, SIDE, SIDE) * 255, outputs=["race"])

    assert str(Path(__file__).parent).encode() not in exported
    assert str(Path(torch.__file__).parent).encode() not in exported


def test_outputs_keep_the_names_that_the_manifest_knows_them_by(model: bytes) -> None:
    assert [output.name for output in onnx.load_from_string(model).graph.output] == ["race"]


def test_outputs_stay_within_two_hundredths_of_their_range(net: nn.Module, model: bytes) -> None:
    batch = chips_to_input(chips(50, seed=1))
    with torch.inference_mode():
        (expected,) = (output.numpy() for output in net(torch.from_numpy(batch)))

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {session.get_inputs()[0].name: batch})

    assert np.abs(outputs - expected).max() < 0.02 * np.abs(expected).max()


def test_biases_make_up_for_what_rounding_adds_to_the_mean_of_each_channel(net: nn.Module) -> None:
    model = onnx.load_from_string(to_onnx(net, torch.rand(2, 3, SIDE, SIDE) * 255, outputs=["race"]))
    _, weight, bias = next(node for node in model.graph.node if node.op_type == "Conv").input
    floats = next(onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == weight)
    rounded, scale = np.rint(floats * 16).astype(np.int8), np.full(len(floats), 1 / 16, np.float32)
    in_integers = onnx.ModelProto()
    for array, name in ((rounded, f"{weight}_quantized"), (scale, f"{weight}_scale")):
        in_integers.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    # One more than two whole batches: it counts as much as the others.
    seen = chips(33, seed=1)
    seen[-1] = 255
    means = chips_to_input(seen).mean(axis=(0, 2, 3))
    (before,) = (onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == bias)

    corrected = correct_biases(model, in_integers, seen)

    (after,) = (onnx.numpy_helper.to_array(t) for t in corrected.graph.initializer if t.name == bias)
    assert (rounded / 16).sum(axis=(2, 3)) @ means + after == pytest.approx(
        floats.sum(axis=(2, 3)) @ means + before, abs=1e-3
    )
    assert np.abs(after - before).max() > 1


def test_weights_are_integers_of_seven_bits(model: bytes) -> None:
    initializers = onnx.load(io.BytesIO(model)).graph.initializer
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in initializers if len(tensor.dims) == 4]

    assert [weight.dtype for weight in weights] == [np.int8]
    assert int(np.abs(weights[0].astype(int)).max()) <= 64


def test_the_batch_stays_free(model: bytes) -> None:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for count in (1, 7):
        (outputs,) = session.run(None, {session.get_inputs()[0].name: chips_to_input(chips(count, seed=2))})
        assert outputs.shape == (count, 5)


def test_sampled_chips_leave_out_unreadable_rows(
    tmp_path: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = (b"broken", astronaut, None)
    pq.write_table(pa.Table.from_pylist([{"image": p, "split": "train"} for p in pictures]), tmp_path / "f.parquet")
    monkeypatch.setattr("training.publish.quantize._FACES_A_SET", len(pictures))
    detector = load_detector(EngineConfig())

    chips = sample_chips([tmp_path / "f.parquet"], 150, detector)

    np.testing.assert_array_equal(chips, [find_largest_face(detector, astronaut, 150).chip])
