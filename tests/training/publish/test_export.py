"""Publishing a run: weights, manifest entry and history."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from cv.engine.config import WEIGHTS_DIR
from cv.engine.nets.attribute_net import AttributeNet, Branch
from training.publish.export import _describe_run, branch_state, list_sets, put_entry, write_manifest


def test_branch_without_a_run_stays_as_it_is_published() -> None:
    state = branch_state("expression", None, WEIGHTS_DIR)

    assert state.keys() == Branch("expression").state_dict().keys()
    assert "branches.expression.heads.expression.bias" in AttributeNet().state_dict()


def test_branch_with_a_run_is_its_best_rounded_to_half_precision(tmp_path: Path) -> None:
    best = {"weight": torch.full((32, 32), 1 / 3), "bias": torch.full((4,), 1 / 3)}
    save_file(best, tmp_path / "best.safetensors")

    state = branch_state("identity", tmp_path, WEIGHTS_DIR)

    assert state["weight"].dtype == torch.float16
    assert torch.equal(state["bias"], best["bias"])


def test_a_share_of_a_run_is_the_weighted_mean_with_the_published_weights(tmp_path: Path) -> None:
    published = branch_state("expression", None, WEIGHTS_DIR)
    save_file({name: tensor.float() + 1 for name, tensor in published.items()}, tmp_path / "best.safetensors")

    state = branch_state("expression", tmp_path, WEIGHTS_DIR, share=0.25)

    for name, tensor in state.items():
        torch.testing.assert_close(tensor.float(), published[name].float() + 0.25, atol=2e-3, rtol=1e-3)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of ``identity``, and one that went on from it."""
    starts = {"identity": None, "identity-end": "identity"}
    monkeypatch.setattr("training.publish.export.list_recipes", lambda: list(starts))
    monkeypatch.setattr("training.publish.export.find_recipe", lambda name: SimpleNamespace(start=starts[name]))
    for name, start, epochs in (("identity", None, 2), ("identity-end", "identity", 1)):
        folder = tmp_path / name
        folder.mkdir()
        state = {"config": {"name": name, "start": start}, "epoch": epochs, "taught_by": "faces 1"}
        torch.save(state | {"started_from": f"the start of {name}"}, folder / "checkpoint.pt")
        rows = [f"{epoch},0.{epoch}" for epoch in range(1, epochs + 1)]
        (folder / "log.csv").write_text("\n".join(["epoch,loss", *rows]) + "\n")
    return tmp_path


def test_a_run_that_continued_another_describes_both(runs: Path) -> None:
    told = _describe_run(runs / "identity-end")

    assert told["command"] == (
        "python -m training.train --recipe identity --data DATA && "
        "python -m training.train --recipe identity-end --data DATA"
    )
    assert told["started_from"] == "the start of identity"
    assert told["before"] == {"name": "identity", "start": None}
    assert told["epochs_done"] == 3
    assert [(row["epoch"], row["loss"]) for row in told["log"]] == [(1, 0.1), (2, 0.2), (3, 0.1)]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    for name in ("a.onnx", "a.safetensors"):
        (tmp_path / name).write_bytes(b"old")
    write_manifest(tmp_path / "manifest.json", {"version": "old"})
    return tmp_path / "manifest.json"


def test_new_weights_come_with_their_manifest_and_leave_nothing_else(published: Path) -> None:
    write_manifest(published, {"version": "new"}, {"a.onnx": b"new", "a.safetensors": b"newer"})

    assert {file.name: file.read_bytes() for file in published.parent.glob("a.*")} == {
        "a.onnx": b"new",
        "a.safetensors": b"newer",
    }
    assert json.loads(published.read_text()) == {"version": "new"}
    assert len(list(published.parent.iterdir())) == 3


def test_a_part_that_cannot_be_written_leaves_all_that_was_published(published: Path) -> None:
    published.with_name("manifest.json.part").mkdir()

    with pytest.raises(IsADirectoryError):
        write_manifest(published, {"version": "new"}, {"a.onnx": b"new", "a.safetensors": b"new"})

    assert [published.with_name(name).read_bytes() for name in ("a.onnx", "a.safetensors")] == [b"old", b"old"]
    assert json.loads(published.read_text()) == {"version": "old"}


def test_the_manifest_is_replaced_after_the_weights(published: Path) -> None:
    published.with_name("b.onnx").mkdir()

    with pytest.raises(IsADirectoryError):
        write_manifest(published, {"version": "new"}, {"b.onnx": b"new"})

    assert json.loads(published.read_text()) == {"version": "old"}


def test_a_model_replaces_its_earlier_version_and_a_new_one_comes_last() -> None:
    manifest = {"models": [{"name": "xcloud-attributes", "version": "1"}, {"name": "other", "version": "1"}]}

    for name in ("xcloud-attributes", "new"):
        put_entry(manifest, {"name": name, "version": "2"})

    assert [f"{model['name']} {model['version']}" for model in manifest["models"]] == [
        "xcloud-attributes 2",
        "other 1",
        "new 2",
    ]


def test_the_sets_of_all_branches_are_listed_once_under_the_old_name_too() -> None:
    training = {"identity": {"config": {"repeats": {"utkface": 1, "omi": 2}}}, "b": {"config": {"sets": {"omi": 1}}}}

    assert list_sets(training) == ["omi", "utkface"]
