"""The compact net takes pictures of any size, is as small as it says, and its squeeze weighs whole channels."""

import pytest
import torch

from training.nets.compact import LARGE, SMALL, Blocks, Inverted, Squeeze, compact


@pytest.mark.parametrize(("blocks", "side", "weights"), [(SMALL, 24, 15_626), (LARGE, 48, 51_632)])
def test_a_picture_becomes_features(blocks: Blocks, side: int, weights: int) -> None:
    net = compact(blocks, features=32).eval()

    assert net(torch.rand(2, 3, side, 2 * side)).shape == (2, 32)
    assert sum(parameter.numel() for parameter in net.parameters()) == weights


def test_a_short_cut_is_only_where_nothing_changes_its_shape() -> None:
    assert Inverted(8, 8, halves=False).has_short_cut
    assert not Inverted(8, 8, halves=True).has_short_cut
    assert Inverted(8, 16, halves=True)(torch.rand(2, 8, 6, 6)).shape == (2, 16, 3, 3)


def test_a_squeeze_gives_each_channel_one_weight() -> None:
    maps = torch.rand(1, 8, 3, 3) + 0.5
    with torch.no_grad():
        weights = Squeeze(8)(maps) / maps

    assert torch.allclose(weights, weights[:, :, :1, :1].expand_as(weights), atol=1e-6)
    assert weights.min() >= 0
    assert weights.max() <= 1
