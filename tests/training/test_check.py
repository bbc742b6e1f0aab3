"""The check's probability is fitted on photos, and judged on photos that its fit has not seen."""

import numpy as np
import pytest
import torch

from cv.engine.nets.face_check import SIDE, FaceCheck
from training.check import CROP, Mined, Photo, cross_validate, fit, logits_of, train, without_bystanders


def photos(count: int, wrong: float, seed: int = 3) -> tuple[list[Photo], list[np.ndarray]]:
    """Photos with one face and one mistake each; a share of both looks like the other to the net."""
    dice = np.random.default_rng(seed)
    made, logits = [], []
    for _ in range(count):
        signs = np.where(dice.random(2) < wrong, -1, 1) * [1, -1]
        made.append(Photo(1, np.array([[0.8], [0.0]]), np.array([0.9, 0.9]), np.empty((2, SIDE, SIDE, 3), np.uint8)))
        logits.append(3.0 * signs)
    return made, logits


def test_the_fit_gives_the_share_of_faces_at_each_logit() -> None:
    made, logits = photos(4000, wrong=0.1)

    bias, chip, cascade = fit(made, logits, ridge=0)

    likely = 1 / (1 + np.exp(-(bias + chip * 3.0 + cascade * np.log(9))))
    assert likely == pytest.approx(0.9, abs=0.01)


def test_measures_come_from_folds() -> None:
    made, logits = photos(200, wrong=0.1)

    measures = cross_validate(made, logits)

    found = sum(bool(z[0] > 0) for z in logits)
    invented = sum(bool(z[1] > 0) for z in logits)
    assert measures["fddb.recall"] == pytest.approx(found / 200)
    assert measures["fddb.false_faces"] == pytest.approx(invented / (found + invented), abs=1e-4)
    assert measures["fddb.confidence_ece"] < 0.05


def test_training_tells_what_differs_and_mistakes_that_look_like_faces_are_left_out() -> None:
    dice = np.random.default_rng(1)
    chips = dice.integers(0, 60, (64, CROP.cached, CROP.cached, 3), dtype=np.uint8)
    is_face = np.arange(64) < 32
    chips[is_face] += 150
    chips[63] += 150  # a bystander

    net = train(FaceCheck(), Mined(chips, is_face), steps=20, rate=2e-2)
    margin = CROP.margin
    served = torch.from_numpy(chips[:, margin:-margin, margin:-margin].transpose(0, 3, 1, 2).copy()).float()
    logits = logits_of(net, served)

    assert logits[:32].min() > logits[32:63].max()
    assert logits_of(net, served[:0]).shape == (0,)
    brightest = Mined(chips[31:], is_face[31:])
    kept = without_bystanders(brightest, shifted(net, 2.0 - float(logits[63])))
    assert len(kept.chips) == 32
    assert kept.is_face.tolist() == [True] + [False] * 31


def shifted(net: torch.nn.Module, by: float) -> torch.nn.Module:
    """The net with its logits raised."""

    class Shifted(torch.nn.Module):
        def forward(self, chips: torch.Tensor) -> tuple[torch.Tensor]:
            return (net(chips)[0] + by,)

    return Shifted()
