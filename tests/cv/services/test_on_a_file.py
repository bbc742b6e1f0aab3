"""Deletions on SQLite in a file, as in production: how long others wait, and what remains on the disk."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def ran(name: str) -> Any:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'served.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "xcloud.settings",
            "XCLOUD_VAR_DIR": str(tmp_path / "var"),
            "XCLOUD_LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "tests.cv.services.on_a_file", name]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return ran


def test_others_write_while_files_are_deleted(run: Any) -> None:
    """Eight pictures in a storage that takes 0.25 s each: two seconds in total."""
    found = run("slow_files")
    assert found["left"] == 0
    assert found["took"] >= 2
    assert found["waited"] < 1


def test_a_large_job_is_answered_for_at_once_and_others_write_while_it_is_deleted(run: Any) -> None:
    found = run("large_job")
    assert (found["gone"], found["left"]) == (False, 1)
    assert found["answered"] < 1
    assert found["waited"] < 2


def test_an_erased_name_is_nowhere_on_the_disk(run: Any) -> None:
    found = run("traces")
    # The name was in the database and in its write-ahead log.
    assert found["before"] == ["", "-wal"]
    assert found["after"] == []
    assert found["kept"] == 15
