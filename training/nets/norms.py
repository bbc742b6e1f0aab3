"""Batch norms for training only: added without changing what a net computes, folded away before it is published.

dlib's trunk comes with its norms folded into the convolutions. Training is much faster with norms, so they are added
again: their scale and shift are set to the deviation and mean that they remove (Ioffe and Szegedy 2015).
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvNorm(nn.Sequential):
    """A convolution and the norm of its output."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(conv, nn.BatchNorm2d(conv.out_channels))


def add_norms(net: nn.Module, chips: Tensor) -> None:
    """Adds a norm after every convolution of ``net`` that learns; the outputs for ``chips`` stay the same."""
    _replace(net, nn.Conv2d, lambda conv: ConvNorm(conv) if conv.weight.requires_grad else conv)

    def neutralise(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), unbiased=False)
        norm.running_mean, norm.running_var = mean.clone(), variance.clone()
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean)

    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(neutralise) for norm in norms]
    with torch.no_grad():
        net.eval()(chips)
    for hook in hooks:
        hook.remove()


def fold_norms(net: nn.Module) -> nn.Module:
    """A copy in which every norm is folded into its convolution; it computes what ``net`` computes in ``eval``."""
    plain = copy.deepcopy(net).eval()
    _replace(plain, ConvNorm, lambda pair: fuse_conv_bn_eval(pair[0], pair[1]))
    return plain


def _replace(net: nn.Module, kind: type[nn.Module], new: object) -> None:
    for name, child in list(net.named_children()):
        if isinstance(child, kind):
            setattr(net, name, new(child))  # type: ignore[operator]
        else:
            _replace(child, kind, new)
