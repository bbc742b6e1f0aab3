"""Losses by hand, and none of them from faces without the label."""

import math

import pytest
import torch

from cv.engine.labels import BINS, Attribute, head_size
from training.labels import NO_CLASS
from training.losses import class_loss, distribution_loss, multitask_loss

BEAUTY_BINS = torch.from_numpy(BINS[Attribute.BEAUTY])


def test_class_loss_is_the_log_of_the_true_class() -> None:
    logits = torch.tensor([[0.0, math.log(3)], [5.0, -5.0]])

    assert float(class_loss(logits, torch.tensor([1, NO_CLASS]), 0)) == pytest.approx(-math.log(0.75), rel=1e-5)


def test_faces_without_a_label_give_no_loss_and_no_gradient() -> None:
    logits = torch.randn(3, 2, requires_grad=True)

    loss = class_loss(logits, torch.full((3,), NO_CLASS), 0.1)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().max() == 0


def test_distribution_loss_adds_the_error_of_the_mean_in_tenths_of_the_scale() -> None:
    target = torch.zeros(2, 10)
    target[0, 9] = 1  # a rating of 10; the second face has none
    even = torch.zeros(2, 10)

    assert float(distribution_loss(even, target, BEAUTY_BINS)) == pytest.approx(math.log(10) + 4.5 / 0.9, rel=1e-5)


def test_multitask_loss_weighs_each_attribute() -> None:
    outputs = {attribute: torch.zeros(1, head_size(attribute)) for attribute in Attribute}
    labels = {
        Attribute.AGE: torch.zeros(1, 101),
        Attribute.GENDER: torch.tensor([0]),
        Attribute.RACE: torch.tensor([2]),
        Attribute.EXPRESSION: torch.tensor([NO_CLASS]),
        Attribute.BEAUTY: torch.zeros(1, 10),
    }
    weights = dict.fromkeys(Attribute, 1.0) | {Attribute.RACE: 0.5}

    total, parts = multitask_loss(outputs, labels, weights, 0)

    assert float(total) == pytest.approx(math.log(2) + 0.5 * math.log(5), rel=1e-5)
    assert parts == pytest.approx(
        {"age": 0, "gender": math.log(2), "race": math.log(5), "expression": 0, "beauty": 0}, rel=1e-5
    )
