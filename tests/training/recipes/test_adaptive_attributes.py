"""The weights of tasks follow the trend of their losses, and the recipe trains on a dozen chips."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch import nn

from cv.engine.labels import ALL_TRAITS
from training.data import celeba
from training.nets.trait_net import MAP, LowerHalf, UpperHalf
from training.recipes import adaptive_attributes as recipe
from training.recipes.study import Case, Trial


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Trial]:
    """A dozen noisy pictures of CelebA's shape, of which three are of the held-out person, and four to test with."""
    dice = np.random.default_rng(1)
    people = [0, 0, 0, *range(1, 10), *range(20, 24)]
    rows = []
    for i, person in enumerate(people):
        file = io.BytesIO()
        Image.fromarray(dice.integers(0, 256, (176, 144, 3), np.uint8)).save(file, "JPEG")
        flags = [name for name in ALL_TRAITS if dice.random() < 0.5]
        split = "train" if i < 12 else "val"
        rows.append({"image": file.getvalue(), "flags": flags, "identity": person, "split": split})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "celeba.parquet")
    lower = LowerHalf().eval()

    @torch.inference_mode()
    def see(batch: np.ndarray) -> list[np.ndarray]:
        return [lower(torch.from_numpy(batch)).numpy()]

    # The export to integers takes ten seconds.
    monkeypatch.setattr(celeba, "load_lower", lambda table, folder: see)
    monkeypatch.setattr(recipe, "BATCH", 4)
    monkeypatch.setattr(recipe, "EVERY", 1)
    monkeypatch.setattr(recipe, "K", 1)
    checkpoint = tmp_path / "checkpoint"
    return lambda variant: Trial(Case(variant, "celeba"), tmp_path, tmp_path / "maps", checkpoint, epochs=1)


def test_a_task_weighs_more_the_higher_its_loss_is_and_the_more_it_moves() -> None:
    weights = recipe.weigh_tasks(torch.tensor([0.4, 0.4, 0.8, 0.4]), torch.tensor([0.2, 0.4, 0.4, 0.1]))

    # Trends 1, 0, 1 and 3, times losses .2, .4, .4 and .1.
    assert weights.tolist() == pytest.approx([4 * part / 0.9 for part in (0.2, 0.0, 0.4, 0.3)])
    assert float(weights.mean()) == pytest.approx(1)


def test_weights_change_after_two_spans_of_measurements_and_are_equal_until_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recipe, "K", 2)
    tasks = recipe.AdaptiveTasks(nn.Identity(), adaptive=True)
    for spread in (1.0, 1.0, 2.0):
        tasks.measure(torch.linspace(-spread, spread, 40)[None], torch.ones(1, 40))
    assert tasks.weights.tolist() == [1.0] * 40

    tasks.measure(torch.linspace(-2, 2, 40)[None], torch.ones(1, 40))

    losses = [torch.nn.functional.softplus(-torch.linspace(-spread, spread, 40)) for spread in (1.0, 2.0)]
    assert torch.allclose(tasks.weights, recipe.weigh_tasks(*losses))


def test_forty_separate_nets_share_nothing() -> None:
    net = recipe.build("separate").eval()
    vectors = torch.rand(1, celeba.VECTOR, requires_grad=True)

    net(vectors)[0, 3].backward()

    first = net[0]
    assert isinstance(first, nn.Linear)
    assert first.weight.grad is not None
    hidden = first.weight.grad.abs().sum(dim=1).view(40, recipe.OWN)
    assert [i for i in range(40) if hidden[i].sum() > 0] == [3]


@pytest.mark.parametrize("variant", recipe.VARIANTS)
def test_each_variant_trains_for_two_steps_and_is_scored(variant: str, trial: Callable[[str], Trial]) -> None:
    outcome = recipe.run(trial(variant))

    assert {name: outcome.about[name] for name in ("train", "held out", "test")} == {
        "train": 9,
        "held out": 3,
        "test": 4,
    }
    assert 0 < outcome.scores["accuracy"] < 1
    adaptive = variant in ("adaptive", "served")
    assert (outcome.about["heaviest"] > 1) is adaptive
    assert bool(outcome.weights) is (variant == "served")
    if outcome.weights:
        net = UpperHalf()
        net.load_state_dict(dict(outcome.weights))
        assert net(torch.zeros(1, *MAP)).shape == (1, 40)


def test_the_first_answers_are_the_odds_of_the_training_faces() -> None:
    targets = np.zeros((4, 40), np.float32)
    targets[:1, 0] = targets[:2, 1] = 1
    net = recipe.build("equal")

    recipe.set_priors(net, targets)

    last = net[-1]
    assert isinstance(last, nn.Linear)
    assert torch.sigmoid(last.bias)[:3].tolist() == pytest.approx([0.25, 0.5, 0.001])


def test_a_table_without_rows_of_the_split_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "celeba.parquet"
    pq.write_table(pa.table({"image": [b""], "flags": [["bald"]], "identity": [1], "split": ["train"]}), table)

    with pytest.raises(ValueError, match=r"celeba.parquet has no row of the split 'val'"):
        celeba.see_celeba(table, "val", tmp_path)
