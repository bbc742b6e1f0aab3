"""One net, five answers: two branches of a face-recognition ResNet, and a linear head per attribute.

Face recognition learns to ignore expression, so expression has its own branch. Age, gender, race and beauty help each
other and share one (separate branches as in HMT-Net, Xu et al. 2019, but from the pixels on). That branch gets chips of
the size that dlib's net was trained on, which gives the best features; for expressions a smaller chip is enough.
"""

from collections.abc import Collection
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cv.engine.labels import Attribute, head_size
from cv.engine.nets.face_resnet import Stem, face_resnet, stage

FEATURES: Final = 256
CHIP_PX: Final = 150
BRANCHES: Final[dict[str, tuple[Attribute, ...]]] = {
    "identity": tuple(attribute for attribute in Attribute if attribute is not Attribute.EXPRESSION),
    "expression": (Attribute.EXPRESSION,),
    # What data with an open licence can teach.
    "open": (Attribute.AGE, Attribute.GENDER, Attribute.RACE),
}
# The branches of each pack of weights.
PACKS: Final = {"research": ("identity", "expression"), "open": ("open",)}
# Side of each branch's chip in pixels.
SIDES: Final = {"identity": CHIP_PX, "expression": 112, "open": CHIP_PX}

# Mean colour (RGB) and scale of dlib's ``input_rgb_image_sized``, which the trunk was trained with.
MEAN: Final = (122.782, 117.001, 104.298)
SCALE: Final = 256.0


class Branch(nn.Module):
    """float32 RGB ``(N, 3, S, S)`` in [0, 255] → logits ``(N, head_size)`` in the order of its attributes."""

    mean: Tensor

    def __init__(self, name: str, dropout: float = 0.0) -> None:
        super().__init__()
        self.attributes, self.side = BRANCHES[name], SIDES[name]
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.trunk = expression_resnet() if name == "expression" else face_resnet()
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {attribute.value: nn.Linear(FEATURES, head_size(attribute)) for attribute in self.attributes}
        )

    def start_from(self, trunk: nn.Sequential) -> None:
        """Copies the weights of the layers that this trunk shares with a trained ``face_resnet``."""
        trained = trunk.state_dict()
        self.trunk.load_state_dict({name: trained[name] for name in self.trunk.state_dict()})

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        features = self.dropout(self.trunk((chips - self.mean) / SCALE).mean(dim=(2, 3)))
        return tuple(self.heads[attribute](features) for attribute in self.attributes)


def expression_resnet() -> nn.Sequential:
    """``face_resnet`` with fewer blocks above 64 channels: expressions are coarse, and training data are scarce."""
    return nn.Sequential(
        Stem(), stage(32, 32, 3, down=False), stage(32, 64, 4), stage(64, 128, 2), stage(128, FEATURES, 1)
    )


class Shrink(nn.Module):
    """float32 ``(N, 3, CHIP_PX, CHIP_PX)`` → ``(N, 3, side, side)``, bilinear and antialiased.

    As matrix products with constants, which every runtime computes in the same way.
    """

    rows: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        weights = F.interpolate(torch.eye(CHIP_PX)[None, None], (side, CHIP_PX), mode="bilinear", antialias=True)
        self.register_buffer("rows", weights[0, 0], persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        return self.rows @ chips @ self.rows.T


class AttributeNet(nn.Module):
    """float32 RGB ``(N, 3, CHIP_PX, CHIP_PX)`` in [0, 255] → logits ``(N, head_size)`` of the attributes of its
    ``branches``, in the order of Attribute."""

    def __init__(self, branches: Collection[str] = PACKS["research"]) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({name: Branch(name) for name in branches})
        self.views = nn.ModuleDict(
            {name: nn.Identity() if SIDES[name] == CHIP_PX else Shrink(SIDES[name]) for name in branches}
        )
        answered = {attribute for name in branches for attribute in BRANCHES[name]}
        # The number of logits of each output, in order.
        self.head_sizes = {attribute.value: head_size(attribute) for attribute in Attribute if attribute in answered}

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        logits = {
            attribute.value: head
            for name, branch in self.branches.items()
            for attribute, head in zip(BRANCHES[name], branch(self.views[name](chips)), strict=True)
        }
        return tuple(logits[name] for name in self.head_sizes)


class MirrorAveraged(nn.Module):
    """The served net: the mean of the logits of a chip and of its mirror image, in one batch of twice the size."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        logits = self.net(torch.cat([chips, chips.flip(3)]))
        return tuple(head.unflatten(0, (2, -1)).mean(dim=0) for head in logits)
