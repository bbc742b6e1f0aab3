"""One net, five answers: two branches of a face-recognition ResNet, and a linear head an attribute.

Expression, which face recognition learns to look past, has a branch of its own; age, gender, race and beauty, which
help each other, share theirs (separate upper branches as in HMT-Net, Xu et al. 2019, taken down to the pixels).
"""

from typing import Final

import torch
from torch import Tensor, nn

from cv.engine.labels import Attribute, head_size
from cv.engine.nets.face_resnet import Stem, face_resnet, stage

FEATURES = 256
BRANCHES: Final[dict[str, tuple[Attribute, ...]]] = {
    "identity": tuple(attribute for attribute in Attribute if attribute is not Attribute.EXPRESSION),
    "expression": (Attribute.EXPRESSION,),
}

# Mean colour (RGB) and scale of dlib's ``input_rgb_image_sized``, which the trunk was trained with.
_MEAN = (122.782, 117.001, 104.298)
_SCALE = 256.0


class Branch(nn.Module):
    """float32 RGB ``(N, 3, S, S)`` in [0, 255] → logits ``(N, head_size)`` in the order of its attributes."""

    mean: Tensor

    def __init__(self, name: str, dropout: float = 0.0) -> None:
        super().__init__()
        self.attributes = BRANCHES[name]
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.trunk = face_resnet() if name == "identity" else expression_resnet()
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {attribute.value: nn.Linear(FEATURES, head_size(attribute)) for attribute in self.attributes}
        )

    def start_from(self, trunk: nn.Sequential) -> None:
        """Takes over the layers of a trained ``face_resnet`` that this trunk has too."""
        trained = trunk.state_dict()
        self.trunk.load_state_dict({name: trained[name] for name in self.trunk.state_dict()})

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        features = self.dropout(self.trunk((chips - self.mean) / _SCALE).mean(dim=(2, 3)))
        return tuple(self.heads[attribute](features) for attribute in self.attributes)


def expression_resnet() -> nn.Sequential:
    """``face_resnet`` with fewer blocks above the 64 channels: expressions are coarse, and their data few."""
    return nn.Sequential(
        Stem(), stage(32, 32, 3, down=False), stage(32, 64, 4), stage(64, 128, 2), stage(128, FEATURES, 1)
    )


class AttributeNet(nn.Module):
    """float32 RGB ``(N, 3, S, S)`` in [0, 255] → logits ``(N, head_size)`` in the order of Attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({name: Branch(name) for name in BRANCHES})

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        logits = {
            attribute: head
            for name, attributes in BRANCHES.items()
            for attribute, head in zip(attributes, self.branches[name](chips), strict=True)
        }
        return tuple(logits[attribute] for attribute in Attribute)


class MirrorAveraged(nn.Module):
    """What is served: the mean of the logits of a chip and of its mirror image, in one batch of twice the size."""

    def __init__(self, net: AttributeNet | Branch) -> None:
        super().__init__()
        self.net = net

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        logits = self.net(torch.cat([chips, chips.flip(3)]))
        return tuple(head.unflatten(0, (2, -1)).mean(dim=0) for head in logits)
