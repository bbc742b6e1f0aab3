"""Servers and workers can start and migrate the database at the same time without errors."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
NAME = f"xcloud_migrate_{os.getpid()}"


@pytest.fixture
def empty_database(db: None, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, on the database server of these tests."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/new.sqlite3"
        return
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {NAME}")
    yield os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{NAME}"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {NAME}")


def test_two_processes_that_migrate_at_once_both_end_well(empty_database: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": empty_database, "XCLOUD_VAR_DIR": str(tmp_path / "var")}
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in both] == [("", 0), ("", 0)]
    left = subprocess.run([*command, "--check"], cwd=ROOT, env=environment, check=False)
    assert left.returncode == 0
