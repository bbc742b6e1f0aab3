"""Reads the face-recognition ResNet that ``face_recognition_models`` ships (dlib's .dat format, public domain).

dlib writes a net from input to output. Each layer is its version string and its parameter tensor: the tensor's version
and four sizes as packed integers (a byte count, then little endian), then float32 values.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cv.engine.nets.face_resnet import face_resnet

_FILE = "models/dlib_face_recognition_resnet_model_v1.dat"
# A layer's tag, and the number of integers between the tag and the parameter tensor.
_LAYERS = {b"\x01\x05con_4": 0, b"\x01\x07affine_": 0, b"\x01\x04fc_2": 2}

Floats = npt.NDArray[np.float32]


def pretrained_face_resnet() -> tuple[nn.Sequential, Tensor]:
    """The trunk with dlib's weights, and the ``(256, 128)`` matrix that turns its mean features into a descriptor.

    Raises FileNotFoundError if the package is not installed.
    """
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("install face_recognition_models to start from dlib's weights")
    *layers, projection = _layers(Path(spec.submodule_search_locations[0], _FILE).read_bytes())
    trunk = face_resnet()
    convolutions = [module for module in trunk.modules() if isinstance(module, nn.Conv2d)]
    pairs = zip(layers[::2], layers[1::2], strict=True)
    with torch.no_grad():
        for convolution, (conv, affine) in zip(convolutions, pairs, strict=True):
            gamma, beta = torch.from_numpy(affine).chunk(2)
            values = torch.from_numpy(conv)
            weight, bias = values[: -len(gamma)], values[-len(gamma) :]
            convolution.weight.copy_(weight.view_as(convolution.weight) * gamma[:, None, None, None])
            assert convolution.bias is not None
            convolution.bias.copy_(bias * gamma + beta)
    return trunk, torch.from_numpy(projection).view(256, 128)


def _layers(data: bytes) -> Iterator[Floats]:
    """The parameters of every layer that has any, flat, from input to output."""
    position = 0
    while True:
        found = [(at, tag) for tag in _LAYERS if (at := data.find(tag, position)) >= 0]
        if not found:
            return
        start, tag = min(found)
        position = start + len(tag)
        integers = []
        for _ in range(_LAYERS[tag] + 5):
            value, position = _packed_int(data, position)
            integers.append(value)
        count = int(np.prod(integers[-4:]))
        yield np.frombuffer(data, "<f4", count, position).copy()
        position += 4 * count


def _packed_int(data: bytes, position: int) -> tuple[int, int]:
    length = data[position] & 0x0F
    end = position + 1 + length
    return int.from_bytes(data[position + 1 : end], "little"), end
