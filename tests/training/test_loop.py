"""A killed run resumes and ends with the same weights as an uninterrupted one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import training.loop
from cv.engine.config import WEIGHTS_DIR
from cv.engine.labels import Attribute
from cv.engine.manifest import read_manifest
from cv.engine.nets.attribute_net import Branch
from training.data.chips import Crop, Faces
from training.data.labels import build_labels
from training.loop import schedule_rate, train
from training.losses import Loss
from training.measure.curves import read_log
from training.measure.validation import score_net
from training.nets.dlib_weights import pretrained_face_resnet
from training.recipes import identity
from training.recipes.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(
    "test",
    "identity",
    {"faces": 1},
    {**identity.RECIPE.losses, Attribute.BEAUTY: Loss(weight=0.4)},
    score={"faces_gender": 1, "faces_age": -0.1},
    epochs=2,
    batch_size=4,
    warmup_steps=1,
)
HEAD = "heads.age.weight"

Sets = dict[str, Faces]


@pytest.fixture
def sets() -> Sets:
    random = np.random.default_rng(0)
    labels = build_labels([{"age": 20 + i, "gender": "female" if i % 2 else "male", "race": "asian"} for i in range(8)])
    cached = Crop().cached
    return {"faces": Faces(random.integers(0, 256, (8, cached, cached, 3), dtype=np.uint8), labels)}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces epochs by fast ones that change a weight; the tests check what is kept of the weights."""

    def epoch(recipe: Recipe, net: nn.Module, average: Any, *rest: object) -> dict[str, float]:
        with torch.no_grad():
            average.heads["age"].weight.add_(1)
        return {"loss_age": 0.5}

    monkeypatch.setattr("training.loop.train_epoch", epoch)
    monkeypatch.setattr("training.loop.score_net", lambda *_: {"faces_gender": 0.5, "faces_age": 0.0})
    monkeypatch.setattr("training.loop.plot", lambda rows, picture: None)


def run(out: Path, sets: Sets, recipe: Recipe = RECIPE, epochs: int | None = None) -> None:
    train(recipe, out, CPU, train_sets=sets, val_sets=sets, epochs=epochs)


def checkpoint_of(out: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(out / "checkpoint.pt")
    return state


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(tmp_path: Path, sets: Sets) -> None:
    run(tmp_path / "unbroken", sets)

    run(tmp_path / "broken", sets, epochs=1)
    run(tmp_path / "broken", sets)

    one, two = (checkpoint_of(tmp_path / name) for name in ("unbroken", "broken"))
    for name, tensor in one["net"].items():
        assert torch.equal(tensor, two["net"][name]), name
    assert len((tmp_path / "broken" / "log.csv").read_text().splitlines()) == 3
    assert load_file(tmp_path / "broken" / "best.safetensors").keys() == Branch("identity").state_dict().keys()


def test_the_first_losses_of_a_run_stay_the_same(tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order, targets, augmentation, mixing, dropout, loss and rates, in single precision.

    The published net teaches here, so new weights change the numbers.
    """
    monkeypatch.setattr("training.precision._is_bfloat16_fast", lambda device: False)
    losses: list[float] = []
    sum_losses = training.loop.multitask_loss

    def record(*arguments: Any) -> Any:
        total, parts = sum_losses(*arguments)
        losses.append(total.item())
        return total, parts

    monkeypatch.setattr("training.loop.multitask_loss", record)

    run(tmp_path, sets, replace(RECIPE, frozen=3, mixup=0.2, teacher_share=0.5), epochs=1)

    assert losses == pytest.approx([12.7358, 10.2828], rel=1e-2)


def test_faces_are_blended_until_the_share_of_the_steps(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    alphas: list[float] = []

    def record(chips: Any, targets: Any, alpha: float, generator: Any) -> Any:
        alphas.append(alpha)
        return chips, targets

    monkeypatch.setattr("training.loop.mix_pairs", record)

    run(tmp_path, sets, replace(RECIPE, mixup=0.2, mixup_until=0.7))

    assert alphas == [0.2, 0.2, 0.2, 0]


@pytest.mark.usefixtures("quick")
def test_votes_are_learned_in_the_share_of_the_recipe(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []

    def record(faces: Faces, share: float) -> Faces:
        shares.append(share)
        return faces

    monkeypatch.setattr("training.loop.blend_votes", record)

    run(tmp_path / "with", sets, replace(RECIPE, votes_share=0.25))
    run(tmp_path / "without", sets)

    assert shares == [0.25]


def test_the_rate_warms_up_and_falls_along_half_a_cosine_to_one_per_cent() -> None:
    recipe = replace(RECIPE, epochs=2, warmup_steps=4)
    rates = [schedule_rate(recipe, step, steps_an_epoch=10) for step in (0, 3, 10, 20)]

    assert rates == pytest.approx([0.25, 0.9460, 0.505, 0.01], abs=1e-4)


def test_the_columns_of_a_log_stand_in_the_order_of_the_outputs(sets: Sets) -> None:
    """A resumed run writes below a header that another process wrote."""
    scores = score_net(Branch("identity"), sets, RECIPE.outputs, RECIPE.crop, 150)

    assert list(scores) == ["faces_age", "faces_gender", "faces_race"]


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (
            {"utkface_gender": 1.0, "faces_age": -0.1},
            "the score of the recipe test needs utkface_gender; its sets give faces_age, faces_gender, faces_race",
        ),
        ({"faces_beauty": 1.0}, "needs faces_beauty"),
        ({}, "needs a measure"),
    ],
    ids=["other set", "no label", "empty"],
)
def test_a_score_without_its_measure_stops_the_run_before_it_starts(
    tmp_path: Path, sets: Sets, score: dict[str, float], message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        run(tmp_path / "run", sets, replace(RECIPE, score=score))

    assert not (tmp_path / "run").exists()


def test_sets_of_less_than_a_batch_stop_the_run_before_it_starts(tmp_path: Path, sets: Sets) -> None:
    with pytest.raises(SystemExit, match="the recipe test have less than one batch of 9 faces"):
        run(tmp_path / "run", sets, replace(RECIPE, batch_size=9))

    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("quick")
def test_a_measure_that_is_not_a_number_stops_the_run(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.loop.score_net", lambda *_: {"faces_gender": 0.5, "faces_age": float("nan")})

    with pytest.raises(SystemExit, match="faces_age is not a number"):
        run(tmp_path, sets)


def test_frozen_parts_stay_as_they_are_and_the_others_learn(tmp_path: Path, sets: Sets) -> None:
    dlib, _ = pretrained_face_resnet()

    run(tmp_path, sets, replace(RECIPE, frozen=2, epochs=1))

    trained = load_file(tmp_path / "best.safetensors")
    changed = {n for n, tensor in dlib.state_dict().items() if not torch.equal(tensor, trained[f"trunk.{n}"])}
    assert changed == {n for n in dlib.state_dict() if n[0] > "1"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("score", [99.0, -99.0], ids=["better", "worse"])
def test_mean_of_the_best_and_the_last_weights_is_kept_if_it_scores_better(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    scores = iter([1.0, 0.0, score])  # of two epochs, and of their mean
    monkeypatch.setattr("training.loop.weigh_measures", lambda *_: next(scores))

    run(tmp_path, sets)

    state = checkpoint_of(tmp_path)
    best, last = state["best_epoch"][HEAD], state["average"][HEAD]
    assert not torch.equal(best, last)
    kept = load_file(tmp_path / "best.safetensors")[HEAD]
    assert torch.equal(kept, (best + last) / 2 if score > 0 else best)
    assert state["mixed"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("whole_epochs", [0, 1])
def test_a_run_killed_after_its_log_line_writes_the_epoch_once(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch, whole_epochs: int
) -> None:
    if whole_epochs:
        run(tmp_path, sets, epochs=whole_epochs)
    with monkeypatch.context() as patched:
        patched.setattr("training.loop.save_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, sets)

    run(tmp_path, sets)

    assert [row["epoch"] for row in read_log(tmp_path / "log.csv")] == [1, 2]


@pytest.mark.usefixtures("quick")
def test_a_run_killed_after_its_mixing_mixes_the_same_two_epochs_again(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([1.0, 0.0, 2.0, 2.0])  # of two epochs, and of their mean twice
    monkeypatch.setattr("training.loop.weigh_measures", lambda *_: next(scores))
    save = training.loop.save_checkpoint

    def save_unless_mixed(out: Path, recipe: Recipe, progress: Any, *nets: Any) -> None:
        if progress.mixed:
            raise KeyboardInterrupt
        save(out, recipe, progress, *nets)

    with monkeypatch.context() as patched:
        patched.setattr("training.loop.save_checkpoint", save_unless_mixed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, sets)
    assert not checkpoint_of(tmp_path)["mixed"]

    run(tmp_path, sets)

    state = checkpoint_of(tmp_path)
    kept = load_file(tmp_path / "best.safetensors")[HEAD]
    assert torch.equal(kept, (state["best_epoch"][HEAD] + state["average"][HEAD]) / 2)
    assert list(scores) == []


@pytest.mark.usefixtures("quick")
def test_a_finished_run_started_again_does_nothing(tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, sets)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.[ps]*")}
    monkeypatch.delattr("training.loop.score_net")

    run(tmp_path, sets)

    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.[ps]*")} == before


@pytest.mark.usefixtures("quick")
def test_checkpoint_of_another_recipe_is_refused(tmp_path: Path, sets: Sets) -> None:
    run(tmp_path, sets, epochs=1)

    with pytest.raises(SystemExit, match="another recipe"):
        run(tmp_path, sets, replace(RECIPE, seed=1))


@pytest.mark.usefixtures("quick")
def test_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, sets, epochs=1)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, sets)

    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.usefixtures("quick")
def test_run_that_learned_from_another_teacher_is_refused(
    tmp_path: Path, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPE, teacher_share=0.5)
    run(tmp_path, sets, recipe, epochs=1)
    card = read_manifest(WEIGHTS_DIR).default.card
    other = SimpleNamespace(default=SimpleNamespace(card=replace(card, sha256="other")))
    monkeypatch.setattr("training.loop.read_manifest", lambda folder: other)

    with pytest.raises(SystemExit, match="learned from xcloud-attributes"):
        run(tmp_path, sets, recipe)


def test_a_missing_run_to_start_from_is_named(tmp_path: Path, sets: Sets) -> None:
    with pytest.raises(SystemExit, match="train identity first"):
        run(tmp_path / "end", sets, replace(RECIPE, start="identity"))
