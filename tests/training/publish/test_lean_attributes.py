"""The published form of the attribute net gives the same as the form that its weights were trained in."""

import pytest
import torch
from torch import Tensor

from cv.engine.nets.attribute_net import CHIP_PX, PACKS, AttributeNet, MirrorAveraged
from training.publish.lean_attributes import LeanAttributes


@pytest.mark.parametrize("pack", PACKS)
def test_a_lean_net_gives_what_the_trained_one_gives_of_a_chip_and_its_mirror_image(pack: str) -> None:
    torch.manual_seed(0)
    net = AttributeNet(PACKS[pack]).eval()
    chips = torch.rand(3, 3, CHIP_PX, CHIP_PX) * 255

    with torch.inference_mode():
        outputs, expected = LeanAttributes(net)(chips), MirrorAveraged(net)(chips)

    assert [tuple(output.shape) for output in outputs] == [(3, size) for size in net.head_sizes.values()]
    for output, wanted in zip(outputs, expected, strict=True):
        torch.testing.assert_close(output, wanted, atol=1e-5, rtol=1e-5)
        assert float(wanted.std()) > 1e-3


def test_the_trained_net_stays_as_it_is() -> None:
    net = AttributeNet(PACKS["open"])
    before: dict[str, Tensor] = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    LeanAttributes(net)

    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
