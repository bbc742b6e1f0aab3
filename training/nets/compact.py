"""A compact net of MobileNetV3's blocks (Howard et al. 2019), for pictures of a few dozen pixels."""

from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

# Channels, and whether the map is halved, of each block behind the stem, which halves it, too.
Blocks = tuple[tuple[int, bool], ...]
# For 24 pixels and for 48.
SMALL: Final[Blocks] = ((16, True), (24, True), (24, False))
LARGE: Final[Blocks] = ((16, True), (24, True), (24, False), (48, True), (48, False))
EXPANSION: Final = 3


def compact(blocks: Blocks = SMALL, features: int = 96, dropout: float = 0.3) -> nn.Sequential:
    """float32 ``(N, 3, H, W)`` → float32 ``(N, features)``: 17,000 weights with SMALL."""
    parts: list[nn.Module] = [*_convolution(3, 16, 3, stride=2), nn.Hardswish()]
    before = 16
    for width, halves in blocks:
        parts.append(Inverted(before, width, halves=halves))
        before = width
    parts += [*_convolution(before, features, 1), nn.Hardswish(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Dropout(dropout))


class Inverted(nn.Module):
    """An inverted residual: more channels, a 3 × 3 convolution of each by itself, a squeeze, and fewer channels."""

    def __init__(self, before: int, width: int, *, halves: bool) -> None:
        super().__init__()
        inner = before * EXPANSION
        self.inner = nn.Sequential(
            *_convolution(before, inner, 1),
            nn.Hardswish(),
            *_convolution(inner, inner, 3, stride=1 + halves, groups=inner),
            Squeeze(inner),
            nn.Hardswish(),
            *_convolution(inner, width, 1),
        )
        self.has_short_cut = before == width and not halves

    def forward(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.inner(maps)
        return maps + changed if self.has_short_cut else changed


class Squeeze(nn.Module):
    """Weighs each channel by the means of all channels over the map (squeeze and excitation, Hu et al. 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1)

    def forward(self, maps: Tensor) -> Tensor:
        weights: Tensor = self.up(F.relu(self.down(maps.mean(dim=(2, 3), keepdim=True))))
        return maps * F.hardsigmoid(weights)


def _convolution(before: int, after: int, side: int, stride: int = 1, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    return (
        nn.Conv2d(before, after, side, stride, padding=side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
    )
