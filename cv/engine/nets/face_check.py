"""A small net that tells faces from what the cascade takes for one, by the aligned chip."""

from typing import Final

from torch import Tensor, nn

SIDE: Final = 48
# Channels and stride of each 3 × 3 convolution: 3 million multiplications a chip, 0.1 million weights.
_LAYERS: Final = ((16, 2), (24, 2), (24, 1), (48, 2), (48, 1), (64, 2))
_HIDDEN: Final = 32
_LAST_SIDE: Final = 3


class FaceCheck(nn.Module):
    """float32 RGB ``(N, 3, 48, 48)`` in [0, 255] → the logit that the chip shows a face, ``(N, 1)``."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for out, stride in _LAYERS:
            layers += [nn.Conv2d(channels, out, 3, stride, padding=1), nn.ReLU()]
            channels = out
        self.trunk = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Sequential(
            nn.Linear(channels * _LAST_SIDE**2, _HIDDEN), nn.ReLU(), nn.Dropout(dropout), nn.Linear(_HIDDEN, 1)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        return (self.head(self.trunk((chips - 127.5) / 64)),)
