"""A backup is restored into an empty installation, on each database, with its files and keys."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from cv.files.backups import DATABASE
from tests.cv.files.backup_archives import earlier, with_changed

ROOT = Path(__file__).resolve().parents[3]
FILL = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from cv.services import api_key_create
from cv.services.webhooks import webhook_create
from cv.trust.receipts import public_key
default_storage.save("analyses/one.jpg", ContentFile(b"a picture"))
public_key()
print(webhook_create("https://example.org/hook", [])[1], api_key_create("client")[1])
"""
CHECK = """
from django.core.files.storage import default_storage
from cv.models import Webhook
from cv.outbound.webhooks import SECRET_PURPOSE
from cv.selectors import api_key_usable
from cv.trust.sealing import unseal
print(unseal(SECRET_PURPOSE, Webhook.objects.get().secret_sealed), api_key_usable("{key}").name)
print(default_storage.open("analyses/one.jpg").read())
"""
# Half of the dump is one row, so that bytes at two thirds of it are rows, not what makes the tables.
FILL_MORE = """
import secrets
from django.contrib.sessions.models import Session
from django.utils import timezone
Session.objects.create(session_key="long", session_data=secrets.token_hex(500_000), expire_date=timezone.now())
"""
RESTORE_DAMAGED = """
from pathlib import Path
from django.db import connection
from cv.files.backups import BackupFailed, backup_restore
def contents():
    about = connection.introspection
    with connection.cursor() as cursor:
        for table in sorted(about.table_names()):
            cursor.execute(f"SELECT count(*) FROM {table}")
            yield table, cursor.fetchone(), sorted(about.get_constraints(cursor, table))
before = list(contents())
try:
    backup_restore(Path("FILE"), replace=True)
except BackupFailed as error:
    print(error)
print(len(before) > 20 and before == list(contents()))
"""
Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def installations(db: None, tmp_path: Path) -> Iterator[tuple[Manage, Manage]]:
    """Commands of two installations with databases of their own."""
    about, names = connection.settings_dict, ["xcloud_backup_a", "xcloud_backup_b"]
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP DATABASE IF EXISTS {name}")
                cursor.execute(f"CREATE DATABASE {name}")

    def installation(name: str) -> Manage:
        scheme = {"postgresql": "postgres", "mysql": "mysql"}.get(connection.vendor)
        url = f"{scheme}://{about['USER']}:{about['PASSWORD']}@{about['HOST']}:{about['PORT'] or 5432}/{name}"
        environment = {
            "PATH": os.environ["PATH"],
            "XCLOUD_ENV_FILE": os.devnull,
            "XCLOUD_VAR_DIR": str(tmp_path / name),
            "DATABASE_URL": url if scheme else "",
        }

        def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "manage.py", *arguments]
            return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

        return manage

    yield installation(names[0]), installation(names[1])
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP DATABASE {name}")


def test_a_backup_restores_rows_files_and_keys(installations: tuple[Manage, Manage], tmp_path: Path) -> None:
    first, second = installations
    backup = tmp_path / "backup.tar"
    assert first("migrate", "--verbosity=0").returncode == 0
    secret, key = first("shell", "-v0", "-c", FILL).stdout.split()
    made = first("backup", str(backup))
    assert made.stdout.startswith(f"{backup}: the database, 1 kept files and the keys"), made.stderr
    assert backup.stat().st_mode & 0o777 == 0o600
    with tarfile.open(backup) as archive:
        assert archive.getnames() == [
            "backup.json", "keys/secret_key", "keys/receipt_key.pem", "database", "files/analyses/one.jpg", "SHA256SUMS"
        ]  # fmt: skip

    restored = second("restore", str(backup))
    assert restored.stdout == "restored the database, 1 kept files and the keys\n", restored.stderr
    assert second("shell", "-v0", "-c", CHECK.format(key=key)).stdout.split("\n")[:2] == [
        f"{secret} client",
        "b'a picture'",
    ]
    for name in ("secret_key", "receipt_key.pem"):
        theirs, ours = (tmp_path / folder / name for folder in ("xcloud_backup_a", "xcloud_backup_b"))
        assert theirs.read_bytes() == ours.read_bytes()
        assert ours.stat().st_mode & 0o777 == 0o600

    again = second("restore", str(backup))
    assert again.returncode == 1
    assert "the database is not empty; --replace deletes what is in it" in again.stderr
    assert second("restore", "--replace", str(backup)).returncode == 0


def test_what_is_no_backup_is_refused(installations: tuple[Manage, Manage], tmp_path: Path) -> None:
    _, second = installations
    for content in (b"", b"no archive", bytes(10_240)):
        (tmp_path / "other").write_bytes(content)
        refused = second("restore", str(tmp_path / "other"))
        assert refused.returncode == 1
        assert refused.stderr.startswith("CommandError: "), refused.stderr


def test_a_damaged_database_replaces_nothing(installations: tuple[Manage, Manage], tmp_path: Path) -> None:
    first, _ = installations
    backup, damaged = tmp_path / "backup.tar", tmp_path / "damaged.tar"
    assert first("migrate", "--verbosity=0").returncode == 0
    assert first("shell", "-v0", "-c", FILL_MORE).returncode == 0
    assert first("backup", str(backup)).returncode == 0
    damaged.write_bytes(with_changed(backup.read_bytes(), DATABASE, 5_000))
    tried = first("shell", "-v0", "-c", RESTORE_DAMAGED.replace("FILE", str(damaged)))
    assert tried.stdout.splitlines() == [
        f"{damaged} cannot be restored: the checksum of database is wrong; nothing was changed",
        "True",
    ]
    if connection.vendor == "mysql":
        # Without checksums nothing is known of a dump, and MariaDB commits whenever it makes a table.
        return
    damaged.write_bytes(with_changed(earlier(backup.read_bytes()), DATABASE, 5_000))
    tried = first("shell", "-v0", "-c", RESTORE_DAMAGED.replace("FILE", str(damaged)))
    said, unchanged = tried.stdout.splitlines()
    assert said.startswith(f"{damaged} cannot be restored: ")
    assert said.endswith("; nothing was changed")
    assert unchanged == "True"
