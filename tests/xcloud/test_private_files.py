"""The database's file is readable by its owner alone, however it was created."""

import os
import subprocess
import sys
from pathlib import Path

from xcloud.private_files import keep_private

ROOT = Path(__file__).resolve().parents[2]


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.glob("*.sqlite3*")}


def test_a_new_installations_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """As `make serve` first creates it; also SQLite's files beside it while it is open."""
    program = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "connection.cursor().execute('CREATE TABLE x (y)')\n"
        "import pathlib, sys\n"
        "print(*(f'{file.name}:{file.stat().st_mode & 0o777:o}' for file in "
        "sorted(pathlib.Path(sys.argv[1]).glob('*.sqlite3*'))))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "xcloud.settings", "XCLOUD_VAR_DIR": str(tmp_path)}
    environment.pop("DATABASE_URL", None)
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT, env=environment, umask=0o022, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.stdout.split() == ["xcloud.sqlite3:600", "xcloud.sqlite3-shm:600", "xcloud.sqlite3-wal:600"], (
        ended.stderr
    )


def test_an_older_installations_files_are_closed(tmp_path: Path) -> None:
    for name in ("x.sqlite3", "x.sqlite3-wal", "x.sqlite3-shm"):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / name).chmod(0o644)
    keep_private({"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "x.sqlite3")})
    assert modes(tmp_path) == {"x.sqlite3": 0o600, "x.sqlite3-wal": 0o600, "x.sqlite3-shm": 0o600}


def test_other_databases_have_no_file_of_ours(tmp_path: Path) -> None:
    for engine, name in (
        ("django.db.backends.sqlite3", ":memory:"),
        ("django.db.backends.sqlite3", str(tmp_path / "missing" / "x.sqlite3")),
        ("django.db.backends.postgresql", str(tmp_path / "x")),
    ):
        keep_private({"ENGINE": engine, "NAME": name})
    assert list(tmp_path.iterdir()) == []
    assert not Path(":memory:").exists()
