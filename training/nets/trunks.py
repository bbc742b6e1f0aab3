"""dlib's face-recognition ResNet in two parts: a lower one that stays frozen, and an upper one that recipes train."""

from typing import Final

import torch
from torch import Tensor, nn

from cv.engine.nets.attribute_net import Branch
from training.nets.dlib_weights import pretrained_face_resnet

# The stem and three of five stages: most of the net's work, and the part that is the same for every task.
LOWER: Final = 4
FEATURES: Final = 256


class Scaled(nn.Module):
    """Takes RGB ``(N, 3, S, S)`` in [0, 255] to the numbers that dlib's net was trained with."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", Branch("identity").mean, persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        return (chips - self.mean) / 256


def lower_trunk() -> nn.Sequential:
    """float32 RGB ``(N, 3, 150, 150)`` in [0, 255] → float32 ``(N, 128, 8, 8)``; frozen.

    Raises FileNotFoundError if dlib's weights are not installed.
    """
    return nn.Sequential(Scaled(), *list(pretrained_face_resnet()[0])[:LOWER]).eval().requires_grad_(False)


def upper_trunk() -> nn.Sequential:
    """float32 ``(N, 128, 8, 8)`` → float32 ``(N, 256, 2, 2)``, with dlib's weights to start from."""
    return nn.Sequential(*list(pretrained_face_resnet()[0])[LOWER:])


def pool(maps: Tensor, side: int) -> Tensor:
    """Means over a ``side`` × ``side`` grid: ``(N, C, H, W)`` → ``(N, C·side²)``."""
    return torch.nn.functional.adaptive_avg_pool2d(maps, side).flatten(1)
