"""The served pipeline's scores on a small table of known faces."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cv.engine.config import EngineConfig
from cv.engine.labels import Attribute
from cv.engine.runtime import get_engine
from training.evaluate import evaluate, predict
from training.measure.degrade import CHANGES


def test_scores_of_a_small_table(table: Path) -> None:
    result = evaluate(get_engine(EngineConfig()), table)

    assert (result["n"], result["coverage"], result["unreadable"]) == (3, pytest.approx(2 / 3, abs=1e-4), 2)
    assert result["groups"]["race"]["white"]["race_accuracy"] == 1
    assert result["groups"]["race"]["white"]["n"] == 2
    assert result["groups"]["age"]["70+"]["n"] == 1
    assert "expression_accuracy" not in result
    assert "beauty_mae" not in result


def test_photos_that_cannot_be_read_are_left_out_of_those_made_worse(table: Path) -> None:
    _, change = CHANGES["small"][0]

    predictions = predict(get_engine(EngineConfig()), table, "val", change=change)

    assert predictions.labels.values[Attribute.AGE].tolist() == [36, 77, 20]
    assert predictions.found.tolist() == [True, True, False]
    assert predictions.unreadable == 2


def test_command_prints_one_json_object(table: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate", "--data", str(table), "--limit", "1", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)["n"] == 1


def test_command_names_a_file_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "text.parquet"
    path.write_text("not a table")

    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate", "--data", str(path)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
