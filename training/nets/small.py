"""Plain small nets for 32 × 32 pixels: fully connected, two or three convolutions, with and without short cuts."""

from itertools import pairwise
from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

SIDE: Final = 32


def fully_connected(channels: int, units: int, classes: int, dropout: float = 0.2) -> nn.Sequential:
    """float32 ``(N, channels, 32, 32)`` → logits ``(N, classes)``, by one hidden layer of ``units``."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * SIDE**2, units),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(units, classes),
    )


class Residual(nn.Module):
    """Two 3 × 3 convolutions with norms, and the short cut around them (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(*_convolution(width, width), nn.ReLU(), *_convolution(width, width))

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(maps + self.inner(maps))


def convolutional(
    channels: int, layers: int, classes: int, *, width: int = 8, residual: bool = False, dropout: float = 0.3
) -> nn.Sequential:
    """float32 ``(N, channels, 32, 32)`` → logits ``(N, classes)``.

    Each of the ``layers`` is a convolution that doubles the channels, from ``width`` on, and a maximum that halves the
    map; if ``residual``, a block with a short cut follows it.
    """
    widths = [channels, *(width * 2**i for i in range(layers))]
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [*_convolution(before, after), nn.ReLU(), nn.MaxPool2d(2)]
        if residual:
            parts.append(Residual(after))
    side = SIDE // 2**layers
    return nn.Sequential(*parts, nn.Flatten(), nn.Dropout(dropout), nn.Linear(widths[-1] * side**2, classes))


def _convolution(before: int, after: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)
