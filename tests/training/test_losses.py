"""Losses match values computed by hand; faces without the label add nothing."""

import math

import pytest
import torch

from cv.engine.labels import BINS, Attribute, head_size
from training.losses import Loss, distribution_loss, log_cosh_loss, multitask_loss, smooth_labels

BEAUTY_BINS = torch.from_numpy(BINS[Attribute.BEAUTY])


def test_loss_of_a_class_is_the_log_of_its_probability() -> None:
    logits = torch.tensor([[0.0, math.log(3)], [5.0, -5.0]])
    targets = torch.tensor([[0.0, 1.0], [0.0, 0.0]])  # the second face has no label

    assert float(distribution_loss(logits, targets)) == pytest.approx(-math.log(0.75), rel=1e-5)


def test_faces_without_a_label_give_no_loss_and_no_gradient() -> None:
    logits = torch.randn(3, 10, requires_grad=True)

    loss = distribution_loss(logits, torch.zeros(3, 10), BEAUTY_BINS)
    loss.backward()

    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().max() == 0


def test_bins_add_the_error_of_the_mean_in_tenths_of_the_scale() -> None:
    target = torch.zeros(2, 10)
    target[0, 9] = 1  # a rating of 10; the second face has none
    even = torch.zeros(2, 10)

    assert float(distribution_loss(even, target, BEAUTY_BINS)) == pytest.approx(math.log(10) + 4.5 / 0.9, rel=1e-5)


def test_smoothing_gives_every_class_its_share_and_a_missing_label_none() -> None:
    targets = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])

    assert smooth_labels(targets, 0.1)[0].tolist() == pytest.approx([0.92, 0.02, 0.02, 0.02, 0.02])
    assert smooth_labels(targets, 0.1)[1].tolist() == [0, 0, 0, 0, 0]


def test_multitask_loss_weighs_each_attribute() -> None:
    outputs = {attribute: torch.zeros(1, head_size(attribute)) for attribute in Attribute}
    targets = {attribute: torch.zeros(1, head_size(attribute)) for attribute in Attribute}
    targets[Attribute.GENDER][0, 0] = 1
    targets[Attribute.RACE][0, 2] = 1
    losses = dict.fromkeys(Attribute, Loss()) | {Attribute.RACE: Loss(weight=0.5)}

    total, parts = multitask_loss(outputs, targets, losses)

    assert float(total) == pytest.approx(math.log(2) + 0.5 * math.log(5), rel=1e-5)
    assert parts == pytest.approx(
        {"age": 0, "gender": math.log(2), "race": math.log(5), "expression": 0, "beauty": 0}, rel=1e-5
    )


def test_a_range_costs_what_probability_lies_outside_it_and_how_far_off_the_mean_is() -> None:
    marked = torch.zeros(2, 10)
    marked[0, 6:9] = 1  # 7, 8 or 9; the second face has no label
    even = torch.zeros(2, 10)  # mean 5.5, and 0.3 of the probability inside

    loss = float(distribution_loss(even, marked, BEAUTY_BINS))

    assert loss == pytest.approx(-1.5 * math.log(0.3) + (7.5 - 5.5) / 0.9, rel=1e-5)


def test_a_range_that_holds_the_whole_answer_costs_nothing() -> None:
    marked = torch.tensor([[0.0] * 6 + [1, 1, 1, 0]])
    sure = torch.full((1, 10), -100.0)
    sure[0, 7] = 100

    assert float(distribution_loss(sure, marked, BEAUTY_BINS)) == pytest.approx(0, abs=1e-5)


def test_ranges_and_values_of_a_batch_count_alike() -> None:
    value, marked = torch.zeros(1, 10), torch.tensor([[0.0] * 6 + [1, 1, 1, 0]])
    value[0, 9] = 1
    one, other = (distribution_loss(torch.zeros(1, 10), target, BEAUTY_BINS) for target in (value, marked))

    both = distribution_loss(torch.zeros(2, 10), torch.cat([value, marked]), BEAUTY_BINS)

    assert float(both) == pytest.approx(float(one + other) / 2, rel=1e-5)


def test_log_cosh_is_a_square_near_zero_and_a_line_far_away() -> None:
    true = torch.zeros(1)

    assert float(log_cosh_loss(torch.tensor([0.01]), true, delta=0.5)) == pytest.approx(0.01**2 / 2, rel=1e-3)
    far = [float(log_cosh_loss(torch.tensor([error]), true, delta=0.5)) for error in (100.0, -101.0)]
    assert far[0] == pytest.approx(0.25 * (200 - math.log(2)))
    assert far[1] - far[0] == pytest.approx(0.5)
