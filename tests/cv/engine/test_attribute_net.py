"""What each branch of the attribute net sees of a chip."""

import torch
import torch.nn.functional as F

from cv.engine.labels import Attribute, head_size
from cv.engine.nets.attribute_net import CHIP_PX, AttributeNet, MirrorAveraged, Shrink


def test_a_chip_is_shrunk_as_in_training() -> None:
    chips = torch.rand(2, 3, CHIP_PX, CHIP_PX, generator=torch.Generator().manual_seed(0)) * 255

    expected = F.interpolate(chips, (112, 112), mode="bilinear", antialias=True)

    torch.testing.assert_close(Shrink(112)(chips), expected, atol=1e-3, rtol=0)


def test_every_attribute_has_its_head_and_a_mirrored_chip_the_same_answers() -> None:
    torch.manual_seed(0)
    net = MirrorAveraged(AttributeNet()).eval()
    chips = torch.rand(2, 3, CHIP_PX, CHIP_PX) * 255

    with torch.inference_mode():
        outputs, mirrored = net(chips), net(chips.flip(3))

    assert [tuple(output.shape) for output in outputs] == [(2, head_size(attribute)) for attribute in Attribute]
    for output, other in zip(outputs, mirrored, strict=True):
        torch.testing.assert_close(output, other, atol=1e-4, rtol=0)
