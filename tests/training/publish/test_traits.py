"""Probabilities of traits are calibrated by a line for each, which becomes a part of the last layer."""

import numpy as np
import pytest
import torch

from training.nets.trait_net import MAP, UpperHalf
from training.publish.traits import calibrate, fit_lines


def test_lines_undo_what_made_logits_too_sure() -> None:
    dice = np.random.default_rng(1)
    true = dice.normal(0, 2, (20_000, 2))
    flags = dice.random(true.shape) < 1 / (1 + np.exp(-true))

    slopes, offsets = fit_lines(true * (1.6, 0.8) + (0.5, 0.0), flags)

    assert slopes == pytest.approx([1 / 1.6, 1 / 0.8], rel=0.05)
    assert offsets == pytest.approx([-0.5 / 1.6, 0], abs=0.06)


def test_a_trait_that_nobody_has_keeps_a_finite_line() -> None:
    slopes, offsets = fit_lines(np.full((200, 1), -3.0), np.zeros((200, 1), bool))

    assert 0.5 <= slopes[0] <= 2
    assert np.isfinite(offsets).all()


def test_a_line_whose_slope_is_bounded_still_gives_the_share_of_faces() -> None:
    dice = np.random.default_rng(1)
    true = dice.normal(-2, 1, (20_000, 1))
    flags = dice.random(true.shape) < 1 / (1 + np.exp(-true))

    slopes, offsets = fit_lines(true * 2.5, flags)

    assert slopes == pytest.approx([0.5])
    said = 1 / (1 + np.exp(-(slopes * true * 2.5 + offsets)))
    assert said.mean() == pytest.approx(flags.mean(), abs=0.001)


def test_the_last_layer_takes_the_lines() -> None:
    torch.manual_seed(1)
    upper, maps = UpperHalf().eval(), torch.rand(2, *MAP)
    slopes, offsets = np.linspace(0.5, 2, 40), np.linspace(-1, 1, 40)
    with torch.inference_mode():
        before = upper(maps)

        calibrate(upper, slopes, offsets)

        expected = before * torch.from_numpy(slopes).float() + torch.from_numpy(offsets).float()
        assert torch.allclose(upper(maps), expected, atol=1e-5)
