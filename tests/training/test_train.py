"""A killed run goes on where it was and ends where an unbroken one ends."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cv.engine.config import WEIGHTS_DIR
from cv.engine.labels import Attribute
from cv.engine.nets.attribute_net import CHIP_PX, Branch
from cv.engine.weights import read_manifest
from training.data.augment import augment, centre, mixed
from training.data.chips import CACHED_PX, Faces
from training.data.labels import labels_of
from training.measure.curves import read_log
from training.nets.dlib_weights import pretrained_face_resnet
from training.recipes.recipe import AugmentConfig, TrainConfig
from training.train import Run, evaluate

CONFIG = TrainConfig("test", "identity", {"faces": 1}, epochs=2, batch_size=4, warmup_steps=1)


@pytest.fixture
def sets() -> dict[str, Faces]:
    random = np.random.default_rng(0)
    labels = labels_of([{"age": 20 + i, "gender": "female" if i % 2 else "male", "race": "asian"} for i in range(8)])
    return {"faces": Faces(random.integers(0, 256, (8, CACHED_PX, CACHED_PX, 3), dtype=np.uint8), labels)}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs that change a weight and are scored in no time: only what is kept of them is looked at."""

    def epoch(run: Run) -> dict[str, float]:
        with torch.no_grad():
            run.average.heads["age"].weight.add_(1)
        return {"loss_age": 0.5}

    monkeypatch.setattr(Run, "_train_epoch", epoch)
    monkeypatch.setattr("training.train.evaluate", lambda net, sets: {"utkface_gender": 0.5})
    monkeypatch.setattr("training.train.plot", lambda rows, picture: None)


def killed() -> None:
    raise KeyboardInterrupt


def test_resumed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path, sets: dict[str, Faces]) -> None:
    Run(CONFIG, tmp_path / "unbroken", sets, sets).train()

    broken = Run(CONFIG, tmp_path / "broken", sets, sets)
    broken.train(epochs=1)
    Run(CONFIG, tmp_path / "broken", sets, sets).train()

    one, two = (torch.load(tmp_path / run / "checkpoint.pt") for run in ("unbroken", "broken"))
    for name, tensor in one["net"].items():
        assert torch.equal(tensor, two["net"][name]), name
    assert len((tmp_path / "broken" / "log.csv").read_text().splitlines()) == 3
    assert load_file(tmp_path / "broken" / "best.safetensors").keys() == Branch("identity").state_dict().keys()


def test_the_columns_of_a_log_stand_in_the_order_of_the_attributes(sets: dict[str, Faces]) -> None:
    """A run that is resumed writes below the header of another process."""
    scores = evaluate(Branch("identity"), sets)

    assert list(scores) == ["faces_age", "faces_gender", "faces_race"]


def test_frozen_parts_stay_as_they_are_and_the_others_learn(tmp_path: Path, sets: dict[str, Faces]) -> None:
    dlib, _ = pretrained_face_resnet()

    Run(replace(CONFIG, frozen=2, epochs=1), tmp_path, sets, sets).train()

    trained = load_file(tmp_path / "best.safetensors")
    changed = {n for n, tensor in dlib.state_dict().items() if not torch.equal(tensor, trained[f"trunk.{n}"])}
    assert changed == {n for n in dlib.state_dict() if n[0] > "1"}


@pytest.mark.parametrize("score", [99.0, -99.0], ids=["better", "worse"])
def test_mean_of_the_best_and_the_last_weights_is_kept_where_it_scores_better(
    tmp_path: Path, sets: dict[str, Faces], monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    name = "heads.age.weight"
    run = Run(CONFIG, tmp_path, sets, sets)
    run.train(epochs=1)
    best = load_file(tmp_path / "best.safetensors")[name]
    run.best = 0
    monkeypatch.setattr("training.train.overall", lambda scores: score)
    with torch.no_grad():
        last = run.average.heads["age"].weight.add_(1).clone()

    run._mix_best_and_last()

    kept = load_file(tmp_path / "best.safetensors")[name]
    assert torch.allclose(kept, (best + last) / 2 if score > 0 else best)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("whole_epochs", [0, 1])
def test_a_run_killed_behind_its_log_line_writes_the_epoch_once(
    tmp_path: Path, sets: dict[str, Faces], monkeypatch: pytest.MonkeyPatch, whole_epochs: int
) -> None:
    run = Run(CONFIG, tmp_path, sets, sets)
    run.train(epochs=whole_epochs)
    with monkeypatch.context() as patched:
        patched.setattr(run, "_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            run.train()

    Run(CONFIG, tmp_path, sets, sets).train()

    assert [row["epoch"] for row in read_log(tmp_path / "log.csv")] == [1, 2]


@pytest.mark.usefixtures("quick")
def test_a_run_killed_behind_its_mixing_mixes_the_same_two_epochs_again(
    tmp_path: Path, sets: dict[str, Faces], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([1.0, 0.0, 2.0, 2.0])  # of two epochs, and of their mean twice
    monkeypatch.setattr("training.train.overall", lambda _: next(scores))
    run = Run(CONFIG, tmp_path, sets, sets)
    run.train(epochs=1)
    best = load_file(tmp_path / "best.safetensors")["heads.age.weight"].clone()
    with monkeypatch.context() as patched:
        checkpoint = run._checkpoint
        patched.setattr(run, "_checkpoint", lambda: killed() if run.mixed else checkpoint())
        with pytest.raises(KeyboardInterrupt):
            run.train()

    Run(CONFIG, tmp_path, sets, sets).train()

    kept = load_file(tmp_path / "best.safetensors")["heads.age.weight"]
    assert torch.equal(kept, (best + run.average.heads["age"].weight) / 2)
    assert list(scores) == []


@pytest.mark.usefixtures("quick")
def test_a_finished_run_started_again_does_nothing(
    tmp_path: Path, sets: dict[str, Faces], monkeypatch: pytest.MonkeyPatch
) -> None:
    Run(CONFIG, tmp_path, sets, sets).train()
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.[ps]*")}
    monkeypatch.delattr("training.train.evaluate")

    Run(CONFIG, tmp_path, sets, sets).train()

    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.[ps]*")} == before


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("epochs", "mixed_already"), [(1, False), (2, True)])
def test_an_older_checkpoint_is_resumed_from_the_best_weights_beside_it(
    tmp_path: Path, sets: dict[str, Faces], epochs: int, mixed_already: bool
) -> None:
    Run(CONFIG, tmp_path, sets, sets).train(epochs)
    state = torch.load(tmp_path / "checkpoint.pt")
    del state["best_epoch"], state["mixed"]
    torch.save(state, tmp_path / "checkpoint.pt")

    run = Run(CONFIG, tmp_path, sets, sets)

    assert run.mixed is mixed_already
    best = load_file(tmp_path / "best.safetensors")
    assert all(torch.equal(run.best_epoch[name], tensor) for name, tensor in best.items())


def test_checkpoint_of_another_configuration_is_refused(tmp_path: Path, sets: dict[str, Faces]) -> None:
    Run(CONFIG, tmp_path, sets, sets).train(epochs=1)

    with pytest.raises(SystemExit, match="another configuration"):
        Run(replace(CONFIG, seed=1), tmp_path, sets, sets)


def test_full_disk_leaves_the_last_good_checkpoint(
    tmp_path: Path, sets: dict[str, Faces], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(CONFIG, tmp_path, sets, sets)
    run.train(epochs=1)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        run.train()

    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_augmented_chips_have_the_served_size_and_repeat_with_the_seed() -> None:
    chips = torch.rand(6, 3, CACHED_PX, CACHED_PX) * 255

    one, two = (augment(chips.clone(), AugmentConfig(), torch.Generator().manual_seed(5)) for _ in range(2))

    assert one.shape == (6, 3, CHIP_PX, CHIP_PX)
    assert torch.equal(one, two)
    assert 0 <= float(one.min()) <= float(one.max()) <= 255


def test_no_augmentation_is_the_centre_or_its_mirror() -> None:
    """With all ranges at 0 only the mirroring is left, and the zoom is the one that is served."""
    chips = torch.rand(8, 3, CACHED_PX, CACHED_PX) * 255
    nothing = AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0, 0)

    moved = augment(chips, nothing, torch.Generator().manual_seed(2))

    plain = centre(chips)
    for one, expected in zip(moved, plain, strict=True):
        difference = min(float((one - side).abs().max()) for side in (expected, expected.flip(2)))
        assert difference < 0.1


def test_mixed_chips_and_targets_are_blended_in_the_same_shares() -> None:
    chips = torch.tensor([0.0, 100.0, 200.0, 50.0])[:, None, None, None].expand(4, 3, 2, 2)
    targets = {Attribute.GENDER: torch.stack([1 - chips[:, 0, 0, 0] / 200, chips[:, 0, 0, 0] / 200], dim=1)}

    blended, mixed_targets = mixed(chips, targets, 1.0, torch.Generator().manual_seed(3))

    assert not torch.equal(blended, chips)
    torch.testing.assert_close(mixed_targets[Attribute.GENDER][:, 1], blended[:, 0, 0, 0] / 200)
    torch.testing.assert_close(mixed_targets[Attribute.GENDER].sum(dim=1), torch.ones(4))


def test_a_blend_with_a_face_without_a_label_has_none() -> None:
    chips = torch.rand(2, 3, 2, 2)
    targets = {Attribute.GENDER: torch.tensor([[1.0, 0.0], [0.0, 0.0]])}
    swapping = next(s for s in range(99) if _order(s) == [1, 0])

    _, mixed_targets = mixed(chips, targets, 1.0, torch.Generator().manual_seed(swapping))

    assert mixed_targets[Attribute.GENDER].abs().max() == 0


def _order(seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    torch.randint(2**31, (1,), generator=generator)  # that of the shares
    return torch.randperm(2, generator=generator).tolist()


def test_run_that_learned_from_another_teacher_is_refused(
    tmp_path: Path, sets: dict[str, Faces], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, teacher_share=0.5)
    Run(config, tmp_path, sets, sets).train(epochs=1)
    card = read_manifest(WEIGHTS_DIR).card
    monkeypatch.setattr(
        "training.train.read_manifest", lambda folder: SimpleNamespace(card=replace(card, sha256="other"))
    )

    with pytest.raises(SystemExit, match="learned from xcloud-attributes"):
        Run(config, tmp_path, sets, sets)
