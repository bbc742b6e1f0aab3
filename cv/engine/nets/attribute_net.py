"""One net, five answers: a shared face-recognition trunk and a head an attribute, as in HMT-Net (Xu et al. 2019).

The lower stages are shared by all attributes. Expression, which face recognition learns to look past, leaves the
trunk early into upper stages of its own; age, gender, race and beauty share theirs.
"""

import torch
from torch import Tensor, nn

from cv.engine.labels import Attribute, head_size
from cv.engine.nets.face_resnet import face_resnet, stage

FEATURES = 256
_SHARED_LAYERS = 3

# Mean colour (RGB) and scale of dlib's ``input_rgb_image_sized``, which the trunk was trained with.
_MEAN = (122.782, 117.001, 104.298)
_SCALE = 256.0


class AttributeNet(nn.Module):
    """float32 RGB ``(N, 3, 150, 150)`` in [0, 255] → logits ``(N, head_size)`` in the order of Attribute."""

    mean: Tensor

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        trunk = face_resnet()
        self.shared = trunk[:_SHARED_LAYERS]
        self.identity = nn.Sequential(*list(trunk)[_SHARED_LAYERS:])
        self.expression = nn.Sequential(stage(64, 128, 2), stage(128, FEATURES, 1))
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {attribute.value: nn.Linear(FEATURES, head_size(attribute)) for attribute in Attribute}
        )

    def start_from(self, trunk: nn.Sequential) -> None:
        """Takes over a trained ``face_resnet``; expression starts with a copy of the blocks that have its shape."""
        self.shared.load_state_dict(trunk[:_SHARED_LAYERS].state_dict())
        self.identity.load_state_dict(nn.Sequential(*list(trunk)[_SHARED_LAYERS:]).state_dict())
        identity = self.identity.state_dict()
        self.expression.load_state_dict({name: identity[name] for name in self.expression.state_dict()})

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        shared = self.shared((chips - self.mean) / _SCALE)
        identity = self.dropout(self.identity(shared).mean(dim=(2, 3)))
        expression = self.dropout(self.expression(shared).mean(dim=(2, 3)))
        return tuple(
            self.heads[attribute](expression if attribute is Attribute.EXPRESSION else identity)
            for attribute in Attribute
        )


class MirrorAveraged(nn.Module):
    """What is served: the mean of the logits of a chip and of its mirror image, in one batch of twice the size."""

    def __init__(self, net: AttributeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        logits = self.net(torch.cat([chips, chips.flip(3)]))
        return tuple(head.unflatten(0, (2, -1)).mean(dim=0) for head in logits)
