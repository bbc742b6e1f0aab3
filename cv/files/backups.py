"""Backups: the database, all kept files and the server's keys in one archive, and back.

The archive is a TAR: `backup.json` says what made it, then come the keys, the database and the files, and last the
SHA-256 of each, as ``sha256sum`` writes them. The database is read first: a file that came later has no row and is
purged, and a row whose file was deleted meanwhile is rare. A restore reads the archive twice: once to check all of it,
and only then to replace what is there.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from cv.files.stores import StorageUnavailable, kept_files

FORMAT: Final = 2
# Like the one of today, but without checksums.
OLD_FORMAT: Final = 1
ABOUT: Final = "backup.json"
DATABASE: Final = "database"
SECRET_KEY: Final = "keys/secret_key"  # noqa: S105
RECEIPT_KEY: Final = "keys/receipt_key.pem"
FILES: Final = "files/"
CHECKSUMS: Final = "SHA256SUMS"
# What reading a damaged archive, or writing what is in it, can raise.
FAILURES: Final = (StorageUnavailable, tarfile.TarError, zlib.error, sqlite3.Error, ValueError, EOFError, OSError)


class BackupFailed(Exception):
    """The message says why, and what to do."""


class _Summed:
    """Content whose checksum is known once it was read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content, self._sum = content, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._content.read(size)
        self._sum.update(data)
        return data

    def line(self, name: str) -> bytes:
        """As ``sha256sum`` writes it."""
        return f"{self._sum.hexdigest()}  {name}\n".encode(errors="surrogateescape")


def backup_write(file: Path) -> int:
    """Writes a backup that only its owner can read; returns how many files it has. Raises BackupFailed."""
    count = 0
    draft = file.with_name(f".{file.name}.part")
    try:
        with (
            _open_private(draft) as raw,
            tarfile.open(fileobj=raw, mode="w") as archive,
            tempfile.TemporaryFile(dir=settings.VAR_DIR) as checksums,
        ):
            about = {"format": FORMAT, "version": settings.XCLOUD_VERSION, "database": connection.vendor}
            small = {
                ABOUT: json.dumps({**about, "made_at": timezone.now().isoformat()}).encode(),
                SECRET_KEY: settings.SECRET_KEY.encode(),
            }
            if settings.XCLOUD_RECEIPT_KEY_FILE.is_file():
                small[RECEIPT_KEY] = settings.XCLOUD_RECEIPT_KEY_FILE.read_bytes()
            for name, data in small.items():
                checksums.write(_add(archive, name, io.BytesIO(data), len(data)))
            with _database_dump() as dump, dump.open("rb") as opened:
                checksums.write(_add(archive, DATABASE, opened, dump.stat().st_size))
            for stored in kept_files().files():
                try:
                    with default_storage.open(stored.name) as content:
                        modified = int(stored.modified.timestamp())
                        checksums.write(_add(archive, FILES + stored.name, content, content.size, modified))
                except FileNotFoundError:
                    # Deleted since it was listed.
                    continue
                count += 1
            size = checksums.tell()
            checksums.seek(0)
            _add(archive, CHECKSUMS, checksums, size)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return count


def backup_restore(file: Path, replace: bool = False) -> int:
    """Restores a backup into the configured database and storage; returns how many files it had.

    Only into an empty database, unless ``replace``. No server or worker may run. Raises BackupFailed, whose message
    says whether anything was changed.
    """
    if not replace and connection.introspection.table_names():
        raise BackupFailed("the database is not empty; --replace deletes what is in it and restores the backup instead")
    changed = "nothing was changed"
    try:
        with file.open("rb") as raw, tempfile.TemporaryDirectory(dir=settings.VAR_DIR) as folder:
            dump = Path(folder, DATABASE)
            small = _checked(raw, dump)
            if connection.vendor == "mysql":
                # It commits whenever a table is dropped or made.
                changed = "the database may be restored in part: restore again with --replace"
            _restore_database(dump)
            changed = "the database is restored, but not all keys and files: restore again with --replace"
            if small[SECRET_KEY].decode() != settings.SECRET_KEY:
                _write_private(settings.VAR_DIR / "secret_key", small[SECRET_KEY])
            if RECEIPT_KEY in small:
                _write_private(settings.XCLOUD_RECEIPT_KEY_FILE, small[RECEIPT_KEY])
            return _restore_files(raw)
    except (BackupFailed, *FAILURES) as error:
        # The databases' programs explain themselves in several lines.
        why = " ".join(str(error).split())
        raise BackupFailed(f"{file} cannot be restored: {why}; {changed}") from error


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int, modified: int = 0) -> bytes:
    """Returns the line of its checksum."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, modified, 0o600
    summed = _Summed(content)
    archive.addfile(entry, summed)
    _forget_members(archive)
    return summed.line(name)


def _members(raw: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each member, from the first to the end of the archive. Raises BackupFailed."""
    raw.seek(0)
    try:
        opened = tarfile.open(fileobj=raw)  # noqa: SIM115 -- the next lines close it
    except tarfile.ReadError as error:
        raise BackupFailed("this is no backup: it does not begin like an archive") from error
    with opened as archive:
        while entry := archive.next():
            if entry.isreg() and (content := archive.extractfile(entry)):
                yield entry.name, content
            _forget_members(archive)
        # tarfile also stops at a header that is damaged or missing, but only zeros are the end.
        archive.fileobj.seek(archive.offset)
        end = archive.fileobj.read(tarfile.RECORDSIZE)
        if not end or any(end):
            raise BackupFailed("it is cut off or damaged")


def _forget_members(archive: tarfile.TarFile) -> None:
    """tarfile remembers every member, about a kilobyte each; a backup may have millions, and nothing looks for them."""
    archive.members = []  # type: ignore[attr-defined]


def _checked(raw: IO[bytes], dump: Path) -> dict[str, bytes]:
    """Reads all of the archive and changes nothing: copies the database to ``dump``, returns what is neither that nor
    files. Raises BackupFailed and FAILURES for what cannot be restored.
    """
    small: dict[str, bytes] = {}
    name, layout = "", 0
    with (
        dump.open("wb") as database,
        Path(os.devnull).open("wb") as nowhere,
        tempfile.TemporaryFile(dir=settings.VAR_DIR) as checksums,
    ):
        for name, content in _members(raw):
            if name == CHECKSUMS:
                _compare(checksums, content)
                continue
            summed = _Summed(content)
            if name in (ABOUT, SECRET_KEY, RECEIPT_KEY):
                small[name] = summed.read()
            else:
                shutil.copyfileobj(summed, database if name == DATABASE else nowhere)
            checksums.write(summed.line(name))
            if not layout:
                layout = _check_about(small)
        # Once more, for an archive without any member.
        _check_about(small)
        if SECRET_KEY not in small or not database.tell() or (name != CHECKSUMS and layout != OLD_FORMAT):
            raise BackupFailed("it is incomplete")
    _check_secret_key(small[SECRET_KEY].decode())
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(dump)) as opened:
            (found,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise BackupFailed(f"the database in it is damaged: {found}")
    return small


def _check_about(small: dict[str, bytes]) -> int:
    """The archive's format."""
    if ABOUT not in small:
        raise BackupFailed(f"this is no backup: {ABOUT} is missing")
    about = json.loads(small[ABOUT])
    if about.get("format") not in (OLD_FORMAT, FORMAT):
        raise BackupFailed(f"it has format {about.get('format')}; this version reads {OLD_FORMAT} and {FORMAT}")
    if about.get("database") != connection.vendor:
        raise BackupFailed(f"it is of {about.get('database')}; DATABASE_URL names {connection.vendor}")
    return int(about["format"])


def _compare(found: IO[bytes], written: IO[bytes]) -> None:
    """Raises BackupFailed at the first line that differs."""
    found.seek(0)
    for ours, theirs in zip_longest(found, written):
        if ours != theirs:
            name = (ours or theirs).decode(errors="replace").strip().partition("  ")[2]
            raise BackupFailed(f"the checksum of {name} is wrong")


def _restore_files(raw: IO[bytes]) -> int:
    count = 0
    for member, content in _members(raw):
        if member.startswith(FILES):
            name = member.removeprefix(FILES)
            default_storage.delete(name)
            default_storage.save(name, File(content))
            count += 1
    return count


def _check_secret_key(key: str) -> None:
    """Raises BackupFailed if the environment sets another key: the webhooks' secrets could not be read with it."""
    file = settings.VAR_DIR / "secret_key"
    if key != settings.SECRET_KEY and (not file.is_file() or file.read_text().strip() != settings.SECRET_KEY):
        raise BackupFailed("SECRET_KEY is not that of the backup; set it to the content of keys/secret_key in there")


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


def _restore_database(dump: Path) -> None:
    """All of it or, except for MariaDB, nothing."""
    name = str(connection.settings_dict["NAME"])
    connection.close()
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(dump)) as source, closing(sqlite3.connect(name)) as target:
            source.backup(target)
    elif connection.vendor == "postgresql":
        options = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        _run("pg_restore", *options, f"--dbname={name}", str(dump))
    else:
        with dump.open("rb") as opened:
            _run("mariadb", name, stdin=opened)


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
