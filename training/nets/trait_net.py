"""The net of CelebA's traits: dlib's trunk, whose lower half does not learn, and a linear layer over the last map.

Hair, neck and ears show more than the face alone, so its chip is wider than that of the attributes. A trait has its
place in a face, so the last map is not averaged over space.
"""

from typing import Final

import torch
from torch import Tensor, nn

from cv.engine.align import XCLOUD_5, Crop
from cv.engine.labels import ALL_TRAITS, FACE_TRAITS, JUDGED_TRAITS
from cv.engine.nets.face_resnet import Stem, stage

CROP: Final = Crop(XCLOUD_5, 112, margin=0.3)
# What the lower half gives: channels, height and width.
MAP: Final = (64, 13, 13)
HEADS: Final = {"traits": len(FACE_TRAITS), "judged_traits": len(JUDGED_TRAITS)}

_MEAN, _SCALE = (122.782, 117.001, 104.298), 256.0


class LowerHalf(nn.Module):
    """float32 RGB ``(N, 3, 112, 112)`` in [0, 255] → maps ``(N, *MAP)``."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.trunk = nn.Sequential(Stem(), stage(32, 32, 3, down=False), stage(32, 64, 4))

    def forward(self, chips: Tensor) -> Tensor:
        maps: Tensor = self.trunk((chips - self.mean) / _SCALE)
        return maps


class UpperHalf(nn.Module):
    """Maps ``(N, *MAP)`` → logits ``(N, 40)`` in the order of ALL_TRAITS."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = nn.Sequential(stage(64, 128, 3), stage(128, 256, 2))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(256 * 3 * 3, len(ALL_TRAITS))

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(torch.flatten(self.trunk(maps), 1)))
        return logits


class TraitNet(nn.Module):
    """The served net: float32 RGB ``(N, 3, 112, 112)`` in [0, 255] → logits ``(N, 34)`` and ``(N, 6)``, the HEADS."""

    def __init__(self, lower: LowerHalf, upper: UpperHalf) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        logits: Tensor = self.upper(self.lower(chips))
        return torch.split(logits, list(HEADS.values()), dim=1)


def start_from(trunk: nn.Sequential, dropout: float = 0.0) -> tuple[LowerHalf, UpperHalf]:
    """Both halves with the weights of a trained ``face_resnet``, as far as they share them; the lower one is done."""
    lower, upper = LowerHalf(), UpperHalf(dropout)
    for own, trained in zip((*lower.trunk, *upper.trunk), trunk, strict=False):
        weights = trained.state_dict()
        own.load_state_dict({name: weights[name] for name in own.state_dict()})
    return lower.eval().requires_grad_(False), upper
