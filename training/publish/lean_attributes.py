"""Rewrites the attribute net for ONNX: the same function of the same weights, in fewer and cheaper steps.

Steps that ONNX Runtime takes slowly in 8-bit integers are said otherwise. The chip is mirrored after the first
convolution, not before it; its normalisation is part of that convolution; a mean of four pixels is a convolution, too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cv.engine.nets.attribute_net import MEAN, SCALE, AttributeNet, Branch
from cv.engine.nets.face_resnet import Block, Stem

# Integer convolutions read colours four at a time: of three, each would be copied first.
_COLOURS = 4
# The convolution sees chips less this: around 0, errors of its rounded weights add up to less. A whole number, so that
# the chips' own integers stay exact.
_MIDDLE = 117.0


class LeanAttributes(nn.Module):
    """Has the input and the outputs of ``MirrorAveraged(net)``, and leaves ``net`` unchanged."""

    def __init__(self, net: AttributeNet) -> None:
        super().__init__()
        self.names, self.views = list(net.head_sizes), net.views
        self.branches = nn.ModuleDict({name: _LeanBranch(branch) for name, branch in net.branches.items()})

    def forward(self, chips: Tensor) -> tuple[Tensor, ...]:
        logits: dict[str, Tensor] = {}
        for name, branch in self.branches.items():
            logits |= branch(self.views[name](chips))
        return tuple(logits[name] for name in self.names)


class _LeanBranch(nn.Module):
    """float32 RGB ``(N, 3, S, S)`` in [0, 255] → the mean logits of each chip and its mirror image, by name."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        assert isinstance(branch, Branch)
        stem, *stages = branch.trunk.children()
        self.stem = _MirroredStem(stem)
        self.blocks = nn.Sequential(*(_LeanBlock(block) for stage in stages for block in stage.children()))
        self.heads = branch.heads

    def forward(self, chips: Tensor) -> dict[str, Tensor]:
        features = self.blocks(self.stem(chips)).mean(dim=(2, 3))
        return {name: head(features).unflatten(0, (2, -1)).mean(dim=0) for name, head in self.heads.items()}


class _MirroredStem(nn.Module):
    """Normalises the chips and gives the stem's maps for them, then for their mirror images: ``(2N, 32, H, W)``.

    A convolution of a mirror image is the mirror image of a convolution with mirrored weights. On chips of even sides
    the 7 × 7 windows with stride 2 leave the last column out, so the mirrored ones begin a column later: windows of
    7 × 8 hold both. Two neighbouring pixels are read as one of eight colours.
    """

    def __init__(self, stem: nn.Module) -> None:
        super().__init__()
        assert isinstance(stem, Stem)
        weight, bias = stem.conv.weight.detach() / SCALE, stem.conv.bias
        assert bias is not None
        bias = bias.detach() - weight.sum(dim=(2, 3)) @ (torch.tensor(MEAN) - _MIDDLE)
        both = torch.cat([F.pad(weight, (0, 1)), F.pad(weight.flip(3), (1, 0))])
        both = F.pad(both, (0, 0, 0, 0, 0, _COLOURS - both.shape[1]))
        in_pairs = both.reshape(*both.shape[:3], -1, 2).permute(0, 4, 1, 2, 3).flatten(1, 2)
        self.maps = len(weight)
        self.conv = _conv(in_pairs, bias.repeat(2), stride=(2, 1))

    def forward(self, chips: Tensor) -> Tensor:
        side = chips.shape[3]
        pixels = F.pad(chips - _MIDDLE, (0, 0, 0, 0, 0, _COLOURS - chips.shape[1])).permute(0, 2, 3, 1)
        pairs = pixels.reshape(-1, side, side // 2, 2 * _COLOURS).permute(0, 3, 1, 2)
        maps = F.relu(self.conv(pairs))
        return F.max_pool2d(torch.cat([maps[:, : self.maps], maps[:, self.maps :].flip(3)]), 3, 2)


class _LeanBlock(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        assert isinstance(block, Block)
        self.conv1, self.conv2 = block.conv1, block.conv2
        self.short: nn.Module = nn.Identity()
        if block.down:
            width = block.conv1.in_channels
            means = torch.eye(block.conv2.out_channels, width)[:, :, None, None].repeat(1, 1, 2, 2) / 4
            self.short = _conv(means, None, stride=(2, 2))

    def forward(self, x: Tensor) -> Tensor:
        y, x = self.conv2(F.relu(self.conv1(x))), self.short(x)
        below, right = x.shape[2] - y.shape[2], x.shape[3] - y.shape[3]
        if below or right:
            y = F.pad(y, (0, right, 0, below))
        return F.relu(x + y)


def _conv(weight: Tensor, bias: Tensor | None, stride: tuple[int, int]) -> nn.Conv2d:
    outputs, inputs, height, width = weight.shape
    layer = nn.Conv2d(inputs, outputs, (height, width), stride, bias=bias is not None)
    layer.load_state_dict({"weight": weight} if bias is None else {"weight": weight, "bias": bias})
    return layer
