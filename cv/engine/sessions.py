"""Loaded nets: ONNX Runtime, or PyTorch as the reference and for a GPU. Both take and give NumPy arrays."""

import io
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cv.engine.config import Backend, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.weights import Manifest

Array = npt.NDArray[np.float32]


class Net(Protocol):
    """float32 ``(N, 3, H, W)`` in, the outputs of the nn.Module in their order out. Thread-safe."""

    def __call__(self, batch: Array) -> list[Array]: ...


def load_nets(manifest: Manifest, config: EngineConfig, names: Iterable[str]) -> dict[str, Net]:
    """The named ones of ``pnet``, ``rnet``, ``onet`` and ``attributes``. Raises ModelNotReady."""
    match config.backend:
        case Backend.ONNX:
            return {name: _onnx_net(manifest.onnx[name].read(), config.threads) for name in names}
        case Backend.TORCH:
            return {name: _torch_net(name, manifest.tensors[name].read(), config.threads) for name in names}


def _onnx_net(model: bytes, threads: int) -> Net:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait for each other within a call spin, which saves a twentieth of it; between calls they sleep, or
    # they would take the cores from everyone else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Photos have any size: a plan of the memory kept for each would only add up.
    options.enable_mem_pattern = False
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()

    def run(batch: Array) -> list[Array]:
        outputs: list[Array] = session.run(None, {entry.name: batch})
        return outputs

    return run


def _torch_net(name: str, data: bytes, threads: int) -> Net:
    try:
        import torch
        from safetensors.torch import load as load_safetensors
    except ImportError as error:
        raise ModelNotReady("the backend torch needs `pip install -r requirements-torch.txt`") from error

    from cv.engine.nets.attribute_net import AttributeNet, MirrorAveraged
    from cv.engine.nets.mtcnn import ONet, PNet, RNet

    torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net: torch.nn.Module
    if name == "attributes":
        attributes = AttributeNet()
        attributes.load_state_dict(load_safetensors(data))
        net = MirrorAveraged(attributes)
    else:
        net = {"pnet": PNet, "rnet": RNet, "onet": ONet}[name]()
        net.load_state_dict(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))
    net = net.to(device).eval()

    @torch.inference_mode()
    def run(batch: Array) -> list[Array]:
        return [output.float().cpu().numpy() for output in net(torch.from_numpy(batch).to(device))]

    return run
