"""The small nets take 32 × 32 pixels, and a block with a short cut starts from its input."""

import pytest
import torch
from torch import nn

from training.nets.small import Residual, convolutional, fully_connected


@pytest.mark.parametrize(
    ("net", "channels", "weights"),
    [
        (fully_connected(1, 16, 7), 1, 1024 * 16 + 16 + 16 * 7 + 7),
        (convolutional(1, 2, 7), 1, 9 * 8 + 2 * 8 + 9 * 8 * 16 + 2 * 16 + 16 * 64 * 7 + 7),
        (convolutional(2, 3, 7), 2, 9 * 16 + 16 + 9 * 8 * 16 + 32 + 9 * 16 * 32 + 64 + 32 * 16 * 7 + 7),
    ],
    ids=["fully connected", "two convolutions", "three convolutions"],
)
def test_a_net_has_the_layers_that_it_is_asked_for(net: nn.Module, channels: int, weights: int) -> None:
    assert net(torch.zeros(3, channels, 32, 32)).shape == (3, 7)
    assert sum(parameter.numel() for parameter in net.parameters()) == weights


def test_a_short_cut_lets_its_input_through() -> None:
    block = Residual(4).eval()
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    maps = torch.rand(2, 4, 8, 8)

    torch.testing.assert_close(block(maps), maps)


def test_residual_nets_have_a_block_after_each_convolution() -> None:
    blocks = [sum(isinstance(part, Residual) for part in convolutional(1, n, 7, residual=True)) for n in (2, 3)]

    assert blocks == [2, 3]
