"""The published form of MTCNN's nets gives the same as the form that its weights were trained in."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cv.engine.nets.mtcnn import ONet, PNet, RNet
from training.publish.lean_mtcnn import make_lean

# Slopes on both sides of 0 and of 1, and all below 1: MTCNN's own layers are of both kinds.
SLOPES = ((-1.3, 1.1), (-1.3, 0.9))


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (PNet, (2, 3, 12, 12)),
        (PNet, (2, 3, 41, 58)),
        (PNet, (1, 3, 40, 57)),
        (RNet, (3, 3, 24, 24)),
        (ONet, (3, 3, 48, 48)),
    ],
)
def test_a_lean_net_gives_what_the_trained_one_gives(
    make: Callable[[], PNet | RNet | ONet], shape: tuple[int, ...], slopes: tuple[float, float]
) -> None:
    net = random_net(make, slopes)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1

    with torch.inference_mode():
        outputs, expected = make_lean(net)(images), net(images)

    assert [tuple(output.shape) for output in outputs] == [tuple(output.shape) for output in expected]
    for output, wanted in zip(outputs, expected, strict=True):
        torch.testing.assert_close(output, wanted, atol=1e-5, rtol=1e-5)
        assert float(wanted.std()) > 1e-3


def test_the_trained_net_stays_as_it_is() -> None:
    net = random_net(RNet, SLOPES[1])
    before: dict[str, Tensor] = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    make_lean(net)

    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def random_net(make: Callable[[], PNet | RNet | ONet], slopes: tuple[float, float]) -> PNet | RNet | ONet:
    torch.manual_seed(0)
    net = make().eval()
    for name, parameter in net.named_parameters():
        if name.startswith("prelu"):
            torch.nn.init.uniform_(parameter, *slopes)
        elif parameter.dim() > 1:
            torch.nn.init.xavier_normal_(parameter)
    return net
