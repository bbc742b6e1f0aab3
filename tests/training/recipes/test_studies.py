"""Every research recipe trains for two steps on a dozen faces; wrong requests and missing sets are answered clearly."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch import nn

from training.data.features import Features
from training.fit import fit
from training.recipes import find, find_recipe, find_study, list_recipes
from training.recipes.study import Case, Outcome, Study, Trial
from training.study import read_results, run_study

STUDIES = [name for name in list_recipes() if isinstance(find(name), Study)]
FACES = 24
LABELS: MappingProxyType[str, Callable[[int], Any]] = MappingProxyType(
    {
        "split": lambda i: "val" if i % 2 else "train",
        "beauty": lambda i: 1 + i / 8,
        "ratings_hist": lambda i: [0, 0, 0, i, 2, 1, 0, 0, 0, 0],
        "age": lambda i: 3 * i,
        "fold": lambda i: i % 5 + 1,
        "gender": lambda i: ("female", "male")[i // 2 % 2],
        "race": lambda i: ("asian", "white")[i // 4 % 2],
        "nation": lambda i: ("chinese", "japanese", "korean")[i // 2 % 3],
        "person": lambda i: f"person {i}",
        "label": lambda i: ("hat", "none")[i // 2 % 2],
        "identity": lambda i: i % 2 * (1 + i // 12),
        "flags": lambda i: ["smiling", "young"][: i % 3],
        "expression": lambda i: ("happiness", "fear", "neutral")[i // 2 % 3],
        "votes": lambda i: [8, 1, 0, 1, 0, 0, 0, 0, 0, 0] if i % 3 else [0, 7, 2, 0, 1, 0, 0, 0, 0, 0],
    }
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Tables of two dozen pictures without faces and with every label, under the name of every set."""
    dice = np.random.default_rng(0)
    rows = []
    for i in range(FACES):
        file = io.BytesIO()
        Image.fromarray(dice.integers(0, 255, (48, 48), dtype=np.uint8)).save(file, "PNG")
        rows.append({name: label(i) for name, label in LABELS.items()} | {"image": file.getvalue(), "name": str(i)})
    folder = tmp_path / "data"
    folder.mkdir()
    for name in {table for study in STUDIES for table in find_study(study).sets}:
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features drawn at random instead of those of the frozen nets."""

    def load(
        table: Path, folder: Path, split: str | None = None, limit: int | None = None, only: Any = None
    ) -> Features:
        rows = pq.read_table(table).to_pylist()
        rows = [row for row in rows if split in (None, row["split"])]
        rows = [row for row in rows if only is None or str(row[only[0]]) in only[1]]
        dice = np.random.default_rng(len(rows))
        vectors = dice.normal(size=(len(rows), 2, 128)).astype(np.float32)
        return Features(
            rows,
            dice.random((len(rows), 2, 128, 8, 8), np.float32).astype(np.float16),
            dice.random((len(rows), 2, 256, 2, 2), np.float32).astype(np.float16),
            vectors / np.linalg.norm(vectors, axis=2, keepdims=True),
        )

    monkeypatch.setattr("training.recipes.study.load_features", load)


def one_of_each_variant() -> list[tuple[str, Case]]:
    firsts: dict[tuple[str, str, str], Case] = {}
    # CelebA's attributes have features, and a test, of their own.
    for name in [name for name in STUDIES if name != "adaptive-attributes"]:
        for case in find_study(name).cases:
            firsts.setdefault((name, case.variant, case.table), case)
    return [(name, case) for (name, _, _), case in firsts.items()]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(("name", "case"), one_of_each_variant(), ids=lambda value: getattr(value, "name", value))
def test_every_variant_trains_and_is_scored(name: str, case: Case, data: Path, tmp_path: Path) -> None:
    study = find_study(name)

    run_study(study, [case], data, tmp_path / "features", tmp_path / "run", epochs=2)

    result = json.loads((tmp_path / "run" / f"{case.name}.json").read_text())
    assert (result["recipe"], result["variant"], result["epochs"]) == (name, case.variant, 2)
    assert result["scores"]
    assert all(isinstance(score, float) for score in result["scores"].values())
    assert not (tmp_path / "run" / f"{case.name}.checkpoint").exists()
    # A short try is no result of the page.
    assert read_results(tmp_path / "run") == []


@pytest.mark.parametrize("name", STUDIES)
def test_the_cases_of_a_study_have_names_of_their_own(name: str) -> None:
    study = find_study(name)

    assert study.name == name
    assert len({case.name for case in study.cases}) == len(study.cases)


def scored(trial: Trial) -> Outcome:
    return Outcome({"accuracy": 0.5 + trial.case.seed}, {"weight": torch.ones(2)})


CASES = (Case("plain", "scut", 1), Case("plain", "scut", 2), Case("deep net", "mebeauty", seed=3))
STUDY = Study("toy", "A. Author: A paper (2020)", ("beauty",), CASES, scored)


def test_cases_are_chosen_by_set_variant_fold_and_seed() -> None:
    assert STUDY.choose() == CASES
    assert STUDY.choose(fold=2) == CASES[1:2]
    assert STUDY.choose(set="mebeauty", variant="deep net", seed=3) == CASES[2:]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"fold": 6}, "the recipe toy has no fold 6 here; there are: 1, 2"),
        ({"set": "utkface"}, "the recipe toy has no set 'utkface' here; there are: scut, mebeauty"),
        ({"set": "mebeauty", "fold": 1}, "the recipe toy has no fold 1 here; there are: none"),
        ({"variant": "wide"}, "the recipe toy has no variant 'wide' here; there are: plain, deep net"),
    ],
)
def test_a_case_that_does_not_exist_is_answered_with_those_that_do(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        STUDY.choose(**wanted)


def test_a_missing_set_names_the_command_that_brings_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=rf"needs scut.parquet, mebeauty.parquet, .* --out {tmp_path} scut mebeauty$"):
        run_study(STUDY, CASES, tmp_path, tmp_path, tmp_path / "run")


def test_a_missing_table_of_ones_own_says_what_it_has_to_have(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"needs own.parquet, .* columns image, label and split \(train or val\); "):
        run_study(find_study("own"), find_study("own").cases, tmp_path, tmp_path, tmp_path / "run")


def test_a_set_that_is_only_learned_from_is_needed_too_but_not_with_these_labels(tmp_path: Path) -> None:
    study = replace(STUDY, others=("utkface",))
    pq.write_table(pa.table({"image": [b""], "beauty": [1.0]}), tmp_path / "scut.parquet")

    with pytest.raises(SystemExit, match=r"^the recipe toy needs utkface.parquet, which"):
        run_study(study, CASES[:1], tmp_path, tmp_path, tmp_path / "run")
    pq.write_table(pa.table({"image": [b""], "age": [1]}), tmp_path / "utkface.parquet")
    run_study(study, CASES[:1], tmp_path, tmp_path, tmp_path / "run")


def test_a_set_without_the_labels_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [b""], "age": [1]}), tmp_path / "scut.parquet")

    with pytest.raises(SystemExit, match=r"scut\.parquet lacks the columns beauty that the recipe toy needs; it has"):
        run_study(STUDY, CASES[:1], tmp_path, tmp_path, tmp_path / "run")


def test_a_case_with_a_result_is_not_trained_again(data: Path, tmp_path: Path) -> None:
    run_study(STUDY, CASES[:1], data, tmp_path, tmp_path / "run")
    (tmp_path / "run" / "scut-plain-fold1-seed0.json").write_text('{"epochs": null, "kept": 1}')

    run_study(STUDY, CASES, data, tmp_path, tmp_path / "run")

    results = read_results(tmp_path / "run")
    assert results[1] == {"epochs": None, "kept": 1}
    assert [result["scores"] for result in results if "scores" in result] == [{"accuracy": 3.5}, {"accuracy": 0.5}]
    assert (tmp_path / "run" / "mebeauty-deep_net-seed3.safetensors").exists()


def test_a_short_try_neither_stands_for_a_whole_training_nor_replaces_it(data: Path, tmp_path: Path) -> None:
    run_study(STUDY, CASES[:1], data, tmp_path, tmp_path / "run", epochs=1)
    run_study(STUDY, CASES[:1], data, tmp_path, tmp_path / "run")
    assert len(read_results(tmp_path / "run")) == 1

    run_study(STUDY, CASES[:1], data, tmp_path, tmp_path / "run", epochs=1)
    assert len(read_results(tmp_path / "run")) == 1


class Killed(Exception):
    """Stands for the signal."""


def test_a_training_that_was_killed_ends_with_the_same_weights(tmp_path: Path) -> None:
    inputs, targets = torch.randn(10, 4), torch.randn(10, 1)

    def train(checkpoint: Path, last_step: int | None = None) -> nn.Module:
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        steps = 0

        def batch_loss(chosen: torch.Tensor) -> torch.Tensor:
            nonlocal steps
            steps += 1
            if last_step is not None and steps > last_step:
                raise Killed
            return nn.functional.mse_loss(net(inputs[chosen]), targets[chosen])

        fit(net, 10, batch_loss, epochs=4, rate=0.1, seed=5, checkpoint=checkpoint, batch_size=5)
        return net

    whole = train(tmp_path / "whole")
    with pytest.raises(Killed):
        train(tmp_path / "killed", last_step=5)
    resumed = train(tmp_path / "killed")

    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_recipes_and_studies_are_not_mixed_up() -> None:
    with pytest.raises(ValueError, match="'transfbp' is research"):
        find_recipe("transfbp")
    with pytest.raises(ValueError, match="'identity' is no research recipe"):
        find_study("identity")
