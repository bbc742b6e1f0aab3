"""Backups: the database, all kept files and the server's keys in one archive, and back.

The archive is a TAR: `backup.json` says what made it, then come the keys, the database and the files. The database is
read first: a file that came later has no row and is purged, and a row whose file was deleted meanwhile is rare.
"""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from cv.files.stores import kept_files

FORMAT: Final = 1
ABOUT: Final = "backup.json"
DATABASE: Final = "database"
SECRET_KEY: Final = "keys/secret_key"  # noqa: S105
RECEIPT_KEY: Final = "keys/receipt_key.pem"
FILES: Final = "files/"


class BackupFailed(Exception):
    """The message says why, and what to do."""


def backup_write(file: Path) -> int:
    """Writes a backup that only its owner can read; returns how many files it has. Raises BackupFailed."""
    count = 0
    draft = file.with_name(f".{file.name}.part")
    try:
        with (
            _open_private(draft) as raw,
            tarfile.open(fileobj=raw, mode="w") as archive,
        ):
            about = {"format": FORMAT, "version": settings.XCLOUD_VERSION, "database": connection.vendor}
            _add(archive, ABOUT, json.dumps({**about, "made_at": timezone.now().isoformat()}).encode())
            _add(archive, SECRET_KEY, settings.SECRET_KEY.encode())
            if settings.XCLOUD_RECEIPT_KEY_FILE.is_file():
                _add(archive, RECEIPT_KEY, settings.XCLOUD_RECEIPT_KEY_FILE.read_bytes())
            with _database_dump() as dump:
                archive.add(dump, DATABASE)
            for stored in kept_files().files():
                try:
                    with default_storage.open(stored.name) as content:
                        entry = tarfile.TarInfo(FILES + stored.name)
                        entry.size, entry.mtime = content.size, int(stored.modified.timestamp())
                        archive.addfile(entry, content)
                except FileNotFoundError:
                    # Deleted since it was listed.
                    continue
                count += 1
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return count


def backup_restore(file: Path, replace: bool = False) -> int:
    """Restores a backup into the configured database and storage; returns how many files it had.

    Only into an empty database, unless ``replace``. No server or worker may run. Raises BackupFailed.
    """
    if not replace and connection.introspection.table_names():
        raise BackupFailed("the database is not empty; --replace deletes what is in it and restores the backup instead")
    count = 0
    try:
        with tarfile.open(file) as archive:
            about = json.loads(_content(archive, archive.next(), ABOUT))
            if about["format"] != FORMAT:
                raise BackupFailed(f"the backup has format {about['format']}; this version reads {FORMAT}")
            if about["database"] != connection.vendor:
                raise BackupFailed(f"the backup is of {about['database']}; DATABASE_URL names {connection.vendor}")
            _keep_secret_key(_content(archive, archive.next(), SECRET_KEY).decode())
            while entry := archive.next():
                if entry.name == RECEIPT_KEY:
                    _write_private(settings.XCLOUD_RECEIPT_KEY_FILE, _content(archive, entry, RECEIPT_KEY))
                elif entry.name == DATABASE:
                    _restore_database(_opened(archive, entry))
                elif entry.isfile() and entry.name.startswith(FILES):
                    name = entry.name.removeprefix(FILES)
                    default_storage.delete(name)
                    default_storage.save(name, File(_opened(archive, entry)))
                    count += 1
    except (tarfile.TarError, ValueError, KeyError, OSError) as error:
        raise BackupFailed(f"{file} cannot be read as a backup: {error}") from error
    return count


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    archive.addfile(entry, io.BytesIO(data))


def _opened(archive: tarfile.TarFile, entry: tarfile.TarInfo | None) -> IO[bytes]:
    content = archive.extractfile(entry) if entry is not None else None
    if content is None:
        raise BackupFailed("the backup is incomplete")
    return content


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo | None, name: str) -> bytes:
    content = _opened(archive, entry)
    if entry is None or entry.name != name:
        raise BackupFailed(f"this is no backup: {name} is missing")
    return content.read()


def _keep_secret_key(key: str) -> None:
    """Raises BackupFailed if the environment sets another key: the webhooks' secrets could not be read with it."""
    if key == settings.SECRET_KEY:
        return
    file = settings.VAR_DIR / "secret_key"
    if not file.is_file() or file.read_text().strip() != settings.SECRET_KEY:
        raise BackupFailed("SECRET_KEY is not that of the backup; set it to the content of keys/secret_key in there")
    _write_private(file, key.encode())


def _write_private(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with _open_private(file) as opened:
        opened.write(data)


def _open_private(file: Path) -> IO[bytes]:
    return os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb")


@contextmanager
def _database_dump() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=settings.VAR_DIR) as folder:
        dump = Path(folder, DATABASE)
        name = str(connection.settings_dict["NAME"])
        if connection.vendor == "sqlite":
            with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(dump)) as target:
                source.backup(target)
        elif connection.vendor == "postgresql":
            _run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", f"--dbname={name}")
        else:
            _run("mariadb-dump", "--single-transaction", f"--result-file={dump}", name)
        yield dump


def _restore_database(dump: IO[bytes]) -> None:
    name = str(connection.settings_dict["NAME"])
    connection.close()
    with tempfile.NamedTemporaryFile(dir=settings.VAR_DIR) as file:
        shutil.copyfileobj(dump, file)
        file.flush()
        if connection.vendor == "sqlite":
            with closing(sqlite3.connect(file.name)) as source, closing(sqlite3.connect(name)) as target:
                source.backup(target)
        elif connection.vendor == "postgresql":
            options = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
            _run("pg_restore", *options, f"--dbname={name}", file.name)
        else:
            file.seek(0)
            _run("mariadb", name, stdin=file)


def _run(program: str, *arguments: str, stdin: IO[bytes] | None = None) -> None:
    """Runs a database's own program, with the password in its environment. Raises BackupFailed."""
    about: dict[str, Any] = connection.settings_dict
    if connection.vendor == "postgresql":
        names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
        environment, options = {names[key]: str(about[key]) for key in names if about[key]}, []
    else:
        given = {"--host": about["HOST"], "--port": about["PORT"], "--user": about["USER"]}
        environment = {"MYSQL_PWD": str(about["PASSWORD"])} if about["PASSWORD"] else {}
        options = [f"{option}={value}" for option, value in given.items() if value]
    path = shutil.which(program)
    if path is None:
        raise BackupFailed(f"{program} is not installed; it belongs to the client programs of the database")
    done = subprocess.run(  # noqa: S603
        [path, *options, *arguments],
        stdin=stdin or subprocess.DEVNULL,
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-500:]}")
