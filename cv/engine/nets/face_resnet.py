"""dlib's 29-layer face-recognition ResNet (Davis King, 2017) in PyTorch, as a trunk for transfer learning.

The layers follow dlib's ``dnn_face_recognition_ex.cpp``; its affine layers (batch norms in training)
are folded into the convolutions before them. Strided convolutions have no padding, and a residual sum of
two unequal maps is taken over the larger, the smaller padded with zeros at right and bottom.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """conv-relu-conv with a parameter-free short cut."""

    def __init__(self, width_in: int, width: int, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=2 if down else 1, padding=0 if down else 1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.down:
            x = F.avg_pool2d(x, 2)
            more_c, more_h, more_w = (y.shape[i] - x.shape[i] for i in (1, 2, 3))
            x = F.pad(x, (0, max(more_w, 0), 0, max(more_h, 0), 0, more_c))
            y = F.pad(y, (0, max(-more_w, 0), 0, max(-more_h, 0)))
        return F.relu(x + y)


def stage(width_in: int, width: int, blocks: int, down: bool = True) -> nn.Sequential:
    """``blocks`` residual blocks; the first one halves the map if ``down``."""
    return nn.Sequential(*(Block(width_in if i == 0 else width, width, down and i == 0) for i in range(blocks)))


class Stem(nn.Module):
    """7×7 convolution with stride 2, then a 3×3 maximum with stride 2: 150 → 35 pixels, 32 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 7, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.relu(self.conv(x)), 3, 2)


def face_resnet() -> nn.Sequential:
    """float32 RGB ``(N, 3, 150, 150)`` → float32 ``(N, 256, 2, 2)``; the mean over space feeds dlib's FC."""
    return nn.Sequential(
        Stem(),
        stage(32, 32, 3, down=False),
        stage(32, 64, 4),
        stage(64, 128, 3),
        stage(128, 256, 3),
        stage(256, 256, 1),
    )
