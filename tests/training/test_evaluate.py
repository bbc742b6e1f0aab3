"""The served pipeline's scores on a small table of known faces."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv.engine.config import EngineConfig
from cv.engine.labels import Attribute
from cv.engine.runtime import get_engine
from training.measure.evaluation import evaluate, predict


def test_scores_of_a_small_table(table: Path) -> None:
    result = evaluate(get_engine(EngineConfig()), table)

    assert (result["n"], result["coverage"], result["unreadable"]) == (3, pytest.approx(2 / 3, abs=1e-4), 2)
    assert result["groups"]["race"]["white"]["race_accuracy"] == 1
    assert result["groups"]["race"]["white"]["n"] == 2
    assert result["groups"]["age"]["70+"]["n"] == 1
    assert result["unknown_labels"] == {}
    assert result["abstained"].keys() == {attribute.value for attribute in Attribute}
    assert "detection" not in result
    assert "expression_accuracy" not in result
    assert "beauty_mae" not in result


def test_unreadable_photos_are_left_out_of_changed_ones(table: Path) -> None:
    predictions = predict(get_engine(EngineConfig()), table, "val", change=lambda image: image.reduce(2))

    assert predictions.labels.values[Attribute.AGE].tolist() == [36, 77, 20]
    assert predictions.found.tolist() == [True, True, False]
    assert predictions.unreadable == 2


def test_command_prints_one_json_object(table: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate", "--data", str(table), "--limit", "4", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )

    result = json.loads(done.stdout)
    assert result["n"] + result["unreadable"] == 4
    assert result["abstained"].keys() == {attribute.value for attribute in Attribute}


def test_command_measures_the_weights_in_service_unless_it_is_told_others(table: Path) -> None:
    def measured(*options: str) -> str:
        command = [sys.executable, "-m", "training.evaluate", "--data", str(table), "--limit", "2", *options]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "XCLOUD_WEIGHTS": "open"}
        )
        return str(json.loads(done.stdout)["model"]["name"])

    assert measured() == "xcloud-attributes-open"
    assert measured("--pack", "research") == "xcloud-attributes"


def test_command_names_a_file_that_is_not_a_table(tmp_path: Path) -> None:
    path = tmp_path / "text.parquet"
    path.write_text("not a table")

    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate", "--data", str(path)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_command_says_what_to_install_if_a_package_is_missing(table: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; import training.evaluate; training.evaluate.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--data", str(table)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "training.evaluate needs the package pyarrow: pip install -r requirements-dev.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_command_needs_no_pytorch() -> None:
    code = "import sys, training.measure.evaluation; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_command_reports_unknown_labels_of_a_labelled_folder(tmp_path: Path, astronaut: bytes) -> None:
    (tmp_path / "a.png").write_bytes(astronaut)
    (tmp_path / "labels.csv").write_text("file,gender,age\na.png,woman,36\n")
    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate", "--data", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["unknown_labels"] == {"gender": {"woman": 1}}
    assert "gender 'woman' is no label of the service: 1 rows count as without one" in done.stderr


def test_labels_outside_the_served_classes_are_named(tmp_path: Path, astronaut: bytes) -> None:
    path = tmp_path / "faces.parquet"
    rows = [{"image": astronaut, "gender": gender, "boxes": [173.0, 69.0, 268.0, 194.0]} for gender in ("f", "female")]
    pq.write_table(pa.Table.from_pylist(rows), path)

    result = evaluate(get_engine(EngineConfig()), path)

    assert result["unknown_labels"] == {"gender": {"f": 1}}
    assert result["detection"]["recall"] == 1
