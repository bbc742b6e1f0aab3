"""A recipe's results become a table, a picture and a page that shows exactly the numbers that were measured."""

import json
import re
from pathlib import Path

import pytest

from training.measure.pages import with_section
from training.measure.studies import PICTURES, summarise, write_page, write_table
from training.recipes import find_study
from training.study import Result

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "research.md").read_text(encoding="utf-8")
MEASURED = sorted((DOCS / PICTURES).glob("*.json"))


def result(variant: str, scores: dict[str, float], *, fold: int | None = None, seed: int = 0) -> Result:
    return {
        "set": "scut",
        "variant": variant,
        "fold": fold,
        "seed": seed,
        "scores": scores,
        "about": {"train": 8},
        "cpu_seconds": 1.25,
        "date": "2026-11-29",
    }


RESULTS = [
    result("deep", {"pearson": 0.8, "accuracy": 0.61}, fold=1),
    result("deep", {"pearson": 0.9, "accuracy": 0.65}, fold=2),
    result("flat", {"pearson": 0.5}),
]


def test_the_table_has_mean_and_deviation_over_the_trainings_of_a_variant() -> None:
    assert write_table(summarise(RESULTS, ["flat", "deep"])).splitlines() == [
        "| set | variant | pearson | accuracy, % | trainings | CPU |",
        "| --- | --- | --- | --- | --- | --- |",
        "| scut | flat | 0.500 | – | 1 | 1 s |",
        "| scut, folds | deep | 0.850 ± 0.071 | 63.0 ± 2.8 | 2 folds | 2 s |",
    ]


def test_the_page_gets_the_table_between_the_recipes_comments_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "research.md").write_text("before\n<!-- toy -->\nold\n<!-- end of toy -->\nafter\n")

    write_page(tmp_path, "toy", summarise(RESULTS, ["flat", "deep"]))

    text = (tmp_path / "research.md").read_text()
    assert text.startswith("before\n<!-- toy -->\n| set |")
    assert text.endswith(" 2 s |\n<!-- end of toy -->\nafter\n")
    assert json.loads((tmp_path / PICTURES / "toy.json").read_text())[1]["scores"]["pearson"] == [0.8, 0.9]
    assert (tmp_path / PICTURES / "toy.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("file", MEASURED, ids=lambda file: file.stem)
def test_the_documented_table_is_what_was_measured(file: Path) -> None:
    lines = json.loads(file.read_text())

    assert with_section(PAGE, file.stem, write_table(lines) + "\n") == PAGE
    study = find_study(file.stem)
    for line in lines:
        cases = [case for case in study.cases if line["set"] == case.table + ("" if case.fold is None else ", folds")]
        assert line["trainings"] == sum(case.variant == line["variant"] for case in cases)
    assert f"({PICTURES}/{file.stem}.png)" in PAGE
    assert file.with_suffix(".png").stat().st_size < 60_000


def test_every_table_of_the_page_was_measured() -> None:
    assert re.findall(r"<!-- ([a-z-]+) -->", PAGE) != []
    assert {file.stem for file in MEASURED} == set(re.findall(r"<!-- ([a-z-]+) -->", PAGE))
