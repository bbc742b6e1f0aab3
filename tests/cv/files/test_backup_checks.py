"""A restore reads and checks all of the archive before it replaces anything."""

import hashlib
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from pytest_django import Settings

from cv.files import backups
from cv.files.backups import BackupFailed, backup_restore, backup_write
from cv.files.stores import StorageUnavailable
from tests.cv.files.backup_archives import CHECKSUMS, earlier, entries, packed, unpacked, with_changed, with_changed_at

MEMBERS = ["backup.json", "keys/secret_key", "keys/receipt_key.pem", "database", "files/analyses/one.jpg"]


class Restored:
    """What a restore has replaced. The database is not that of the tests."""

    def __init__(self, file: Path, receipt_key: Path) -> None:
        self.file, self.receipt_key = file, receipt_key
        self.databases = 0

    def count_database(self, dump: object) -> None:
        self.databases += 1

    def everything(self) -> bool:
        with default_storage.open("analyses/one.jpg") as opened:
            picture = opened.read()
        return (self.databases, picture, self.receipt_key.read_text()) == (1, b"old" * 300, "old")

    def nothing(self) -> bool:
        with default_storage.open("analyses/one.jpg") as opened:
            picture = opened.read()
        return (self.databases, picture, self.receipt_key.read_text()) == (0, b"new", "new")

    def refusal(self, archive: bytes) -> str:
        """Why the archive is not restored."""
        self.file.write_bytes(archive)
        with pytest.raises(BackupFailed) as raised:
            backup_restore(self.file, replace=True)
        assert self.nothing()
        start, end = f"{self.file} cannot be restored: ", "; nothing was changed"
        message = str(raised.value)
        assert message.startswith(start)
        assert message.endswith(end)
        assert "\n" not in message
        return message.removeprefix(start).removesuffix(end)


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path, receipt_key: Path) -> Restored:
    """A backup is written, and then everything changes."""
    settings.VAR_DIR = tmp_path
    dump = tmp_path / "dump"
    with closing(sqlite3.connect(dump)) as database:
        database.execute("CREATE TABLE numbers AS SELECT 1 AS number")
    restored = Restored(tmp_path / "backup.tar", receipt_key)
    monkeypatch.setattr(backups, "_database_dump", lambda: nullcontext(dump))
    monkeypatch.setattr(backups, "_restore_database", restored.count_database)
    receipt_key.write_text("old")
    default_storage.save("analyses/one.jpg", ContentFile(b"old" * 300))
    assert backup_write(restored.file) == 1
    receipt_key.write_text("new")
    default_storage.delete("analyses/one.jpg")
    default_storage.save("analyses/one.jpg", ContentFile(b"new"))
    return restored


def test_the_last_member_has_the_checksums_of_all_others(restored: Restored) -> None:
    contents = unpacked(restored.file.read_bytes())
    assert list(contents) == [*MEMBERS, CHECKSUMS]
    assert contents.pop(CHECKSUMS).decode() == "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()
    )
    assert backup_restore(restored.file, replace=True) == 1
    assert restored.everything()


@pytest.mark.parametrize("as_earlier", [False, True])
def test_a_backup_that_is_cut_off_anywhere_is_refused(restored: Restored, as_earlier: bool) -> None:
    whole = restored.file.read_bytes()
    whole = earlier(whole) if as_earlier else whole
    last = entries(whole)[-1]
    for size in range(0, last.offset_data + last.size, 256):
        restored.refusal(whole[:size])


@pytest.mark.parametrize("name", [*MEMBERS[1:], CHECKSUMS])
def test_a_changed_byte_is_named(restored: Restored, name: str) -> None:
    refusal = restored.refusal(with_changed(restored.file.read_bytes(), name))
    assert refusal == f"the checksum of {'database' if name == CHECKSUMS else name} is wrong"


@pytest.mark.parametrize("as_earlier", [False, True])
def test_a_damaged_header_is_not_taken_for_the_end(restored: Restored, as_earlier: bool) -> None:
    whole = restored.file.read_bytes()
    whole = earlier(whole) if as_earlier else whole
    for entry in entries(whole)[1:]:
        assert restored.refusal(with_changed_at(whole, entry.offset)) == "it is cut off or damaged"
        zeros = whole[: entry.offset] + bytes(512) + whole[entry.offset_data :]
        assert restored.refusal(zeros) == "it is cut off or damaged"


def test_members_that_are_missing_or_more_are_found(restored: Restored) -> None:
    contents = unpacked(restored.file.read_bytes())
    for name in MEMBERS[1:]:
        left = {other: content for other, content in contents.items() if other != name}
        assert restored.refusal(packed(left)).startswith("the checksum of ")
    assert restored.refusal(packed({**contents, "files/more.jpg": b""})) == "it is incomplete"
    del contents[CHECKSUMS]
    assert restored.refusal(packed(contents)) == "it is incomplete"
    del contents["backup.json"]
    assert restored.refusal(packed(contents)) == "this is no backup: backup.json is missing"


def test_a_backup_of_the_earlier_format_is_restored_without_checksums(restored: Restored) -> None:
    whole = earlier(restored.file.read_bytes())
    for name in ("keys/secret_key", "database"):
        left = {other: content for other, content in unpacked(whole).items() if other != name}
        assert restored.refusal(packed(left)) == "it is incomplete"
    if connection.vendor == "sqlite":
        damaged = {**unpacked(whole), "database": unpacked(whole)["database"][:4096] + b"?" * 4096}
        assert restored.refusal(packed(damaged)).startswith("the database in it is damaged: ")
    restored.file.write_bytes(whole)
    assert backup_restore(restored.file, replace=True) == 1
    assert restored.everything()


def test_a_backup_of_a_later_format_or_another_key_is_refused(restored: Restored, settings: Settings) -> None:
    whole = restored.file.read_bytes()
    later = {**unpacked(whole), "backup.json": b'{"format": 3}'}
    assert restored.refusal(packed(later)) == "it has format 3; this version reads 1 and 2"
    settings.SECRET_KEY = "another"
    assert restored.refusal(whole).startswith("SECRET_KEY is not that of the backup")


def test_a_full_storage_leaves_word_that_the_database_is_restored(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*given: object) -> str:
        raise StorageUnavailable("is full")

    monkeypatch.setattr(default_storage, "save", save)
    with pytest.raises(BackupFailed, match="is full") as raised:
        backup_restore(restored.file, replace=True)
    assert str(raised.value).endswith(
        "; the database is restored, but not all keys and files: restore again with --replace"
    )
    assert restored.databases == 1
