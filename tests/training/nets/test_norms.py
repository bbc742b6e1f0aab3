"""Norms are for training only: neither adding nor folding them changes an answer."""

import torch
from torch import nn

from cv.engine.nets.attribute_net import Branch
from training.nets.norms import add_norms, fold_norms


def answers(net: nn.Module, chips: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat(net.eval()(chips), dim=1)


def test_added_norms_keep_what_a_net_answers_and_can_be_folded_away_again() -> None:
    torch.manual_seed(0)
    chips = torch.rand(8, 3, 112, 112) * 255
    net = Branch("expression")
    plain = answers(net, chips)

    add_norms(net, chips)

    assert sum(isinstance(module, nn.BatchNorm2d) for module in net.modules()) == 21
    assert torch.allclose(answers(net, chips), plain, atol=1e-4)
    assert torch.allclose(answers(fold_norms(net), chips), plain, atol=1e-4)


def test_folding_keeps_what_norms_have_learned() -> None:
    torch.manual_seed(0)
    chips = torch.rand(8, 3, 112, 112) * 255
    net = Branch("expression")
    add_norms(net, chips)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.bias.add_(0.1)
    learned = answers(net, chips)

    folded = fold_norms(net)

    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert folded.state_dict().keys() == Branch("expression").state_dict().keys()
    assert torch.allclose(answers(folded, chips), learned, atol=1e-4)
