"""A small net that says of an aligned chip whether the answers about it can be right, and what ruins them."""

from typing import Final

from torch import Tensor, nn

# Channels, size and stride of each convolution: 11 million multiplications a chip, 0.2 million weights. Noise shows in
# single pixels, so the first layer sees the chip as it is.
_LAYERS: Final = ((16, 5, 3), (32, 3, 2), (48, 3, 2), (64, 3, 2))
_HIDDEN: Final = 48
_LAST_SIDE: Final = 7


class QualityNet(nn.Module):
    """float32 RGB ``(N, 3, 150, 150)`` in [0, 255] → logits ``(N, 1 + warnings)``: that all answers are right, then
    that each warning applies."""

    def __init__(self, warnings: int, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for out, side, stride in _LAYERS:
            layers += [nn.Conv2d(channels, out, side, stride, padding=side // 2), nn.ReLU()]
            channels = out
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Sequential(
            nn.Linear(channels * _LAST_SIDE**2, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(_HIDDEN, 1 + warnings),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        return (self.head(self.trunk((chips - 127.5) / 64)),)
