"""Loaded nets: ONNX Runtime, or PyTorch as the reference and for a GPU. Both take and give NumPy arrays."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from cv.engine.arena import use_arena
from cv.engine.config import Backend, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.fields import MANIFEST
from cv.engine.manifest import NetFiles, WeightsFile
from cv.engine.transforms import chips_to_input

if TYPE_CHECKING:
    from torch import Tensor, nn

Array = npt.NDArray[np.float32]
# Builds the net in PyTorch from its weights, and returns it with its heads: the size of each output by name, in order.
# Raises RuntimeError if the weights are those of another net.
Build = Callable[[Mapping[str, "Tensor"]], "tuple[nn.Module, dict[str, int]]"]
# Larger batches of chips take more memory, and no less time.
_BATCH = 8


class Net(Protocol):
    """float32 ``(N, 3, H, W)`` in, the outputs of the nn.Module in their order out. Thread-safe."""

    def __call__(self, batch: Array) -> list[Array]: ...


def load_net(files: NetFiles, config: EngineConfig, build: Build, heads: Mapping[str, int] | None = None) -> Net:
    """The net for the configured backend; ``build`` is for PyTorch.

    Raises ModelNotReady if its file is missing, changed, not a net, or has other ``heads``: the size of each output by
    name, in their order.
    """
    if config.backend is Backend.TORCH and files.tensors is not None:
        return _torch_net(files.tensors, config.threads, build, heads)
    return load_onnx_net(files.onnx, config.threads, heads)


def load_onnx_net(file: WeightsFile, threads: int, heads: Mapping[str, int] | None) -> Net:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Within a call, waiting threads spin, which saves a twentieth of the time; between calls they sleep, and leave the
    # cores to others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Photos have many sizes: keeping a memory plan for each would only use up memory.
    options.enable_mem_pattern = False
    use_arena(options)
    data = file.read()
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own kinds of error have no common base
        raise ModelNotReady(f"{file.path.name} ({MANIFEST}: {file.field}) cannot be loaded: {error}") from error
    if heads is not None:
        _check_heads(file, {output.name: output.shape[-1] for output in session.get_outputs()}, heads)
    (entry,) = session.get_inputs()

    def run(batch: Array) -> list[Array]:
        outputs: list[Array] = session.run(None, {entry.name: batch})
        return outputs

    return run


def run_on_chips(net: Net, chips: npt.NDArray[np.uint8]) -> list[Array]:
    """uint8 RGB ``(N, S, S, 3)``, N may be 0 → the net's outputs, ``(N, …)`` each."""
    starts = range(0, max(len(chips), 1), _BATCH)
    batches = [net(chips_to_input(chips[start : start + _BATCH])) for start in starts]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _torch_net(file: WeightsFile, threads: int, build: Build, heads: Mapping[str, int] | None) -> Net:
    try:
        import torch
        from safetensors.torch import load as load_safetensors
    except ImportError as error:
        raise ModelNotReady("the backend torch needs `pip install -r requirements-torch.txt`") from error

    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = file.read()
    if file.path.suffix == ".safetensors":
        state = load_safetensors(data)
    else:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    try:
        module, found = build(state)
    except RuntimeError as error:
        raise ModelNotReady(f"{file.path.name} ({MANIFEST}: {file.field}) holds other weights: {error}") from error
    if heads is not None:
        _check_heads(file, found, heads)
    net = module.to(device).eval()

    @torch.inference_mode()
    def run(batch: Array) -> list[Array]:
        return [output.float().cpu().numpy() for output in net(torch.from_numpy(batch).to(device))]

    return run


def _check_heads(file: WeightsFile, found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    """Raises ModelNotReady if names, sizes or order differ; answers would be assigned to wrong outputs."""
    if list(found.items()) != list(expected.items()):
        field = f"{file.field.rpartition('.')[0]}.heads"
        raise ModelNotReady(
            f"{file.path.name} has the heads {_list_heads(found)}; {MANIFEST}: {field} has {_list_heads(expected)}"
        )


def _list_heads(heads: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size}" for name, size in heads.items())
