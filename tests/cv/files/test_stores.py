"""Both storages, on disk and in a real S3-compatible server, behave alike, stay private and report outages."""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cv.files.stores import NoAddress, Room, StorageUnavailable, kept_files
from tests.s3 import S3Site, configure
from xcloud import env


@pytest.fixture
def s3() -> Iterator[S3Site]:
    site = S3Site()
    yield site
    site.close()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, settings: Settings) -> Storage:
    if request.param == "s3":
        configure(settings, request.getfixturevalue("s3"))
    return default_storage


def test_what_is_saved_is_read_listed_and_deleted(store: Storage) -> None:
    data = os.urandom(100_000)
    name = store.save("jobs/7/input.zip", ContentFile(data))
    other = store.save("ab/picture.jpg", ContentFile(b"jpeg"))
    assert (name, other) == ("jobs/7/input.zip", "ab/picture.jpg")
    with store.open(name) as file:
        assert file.read() == data
        file.seek(99_990)
        assert file.read() == data[-10:]
    assert store.exists(name)
    assert store.size(name) == 100_000
    listed = sorted(kept_files().files(), key=lambda file: file.name)
    assert [(file.name, file.size) for file in listed] == [(other, 4), (name, 100_000)]
    assert [file.name for file in kept_files().files("jobs/7/")] == [name]
    assert all(abs(file.modified - datetime.now(UTC)) < timedelta(minutes=1) for file in listed)
    store.delete(name)
    assert not store.exists(name)
    assert list(kept_files().files("jobs/")) == []
    with pytest.raises(FileNotFoundError):
        store.open(name)


def test_deleting_what_is_not_there_is_no_error(store: Storage) -> None:
    store.delete("ab/nothing.jpg")


def test_a_kept_file_has_no_address(store: Storage) -> None:
    name = store.save("ab/picture.jpg", ContentFile(b"jpeg"))
    with pytest.raises(NoAddress):
        store.url(name)


def test_a_name_cannot_leave_the_storage(store: Storage) -> None:
    with pytest.raises(Exception, match=r"SuspiciousFileOperation|denied|Detected path traversal|located outside"):
        store.save("../outside.jpg", ContentFile(b"x"))


def test_an_object_is_private_and_below_the_prefix(s3: S3Site, settings: Settings) -> None:
    configure(settings, s3)
    default_storage.save("ab/picture.jpg", ContentFile(b"jpeg"))
    assert s3.keys() == ["kept/ab/picture.jpg"]
    acl = s3.client.get_object_acl(Bucket=s3.bucket, Key="kept/ab/picture.jpg")
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
    assert "URI" not in acl["Grants"][0]["Grantee"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{s3.endpoint}/{s3.bucket}/kept/ab/picture.jpg")  # noqa: S310
    assert refused.value.code == 403
    refused.value.close()


def test_more_objects_than_one_answer_lists_are_all_found(
    s3: S3Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test server lists 10 objects per answer, other servers 1,000."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
    configure(settings, s3)
    for number in range(25):
        s3.client.put_object(Bucket=s3.bucket, Key=f"kept/jobs/{number}", Body=b"")
    assert len(s3.client.list_objects_v2(Bucket=s3.bucket)["Contents"]) == 10
    assert len({file.name for file in kept_files().files("jobs/")}) == 25


def test_encryption_is_asked_for_where_the_setting_says_so(s3: S3Site, settings: Settings) -> None:
    configure(settings, s3, "&encryption=AES256")
    default_storage.save("ab/picture.jpg", ContentFile(b"jpeg"))
    head = s3.client.head_object(Bucket=s3.bucket, Key="kept/ab/picture.jpg")
    assert head["ServerSideEncryption"] == "AES256"


USES: dict[str, Callable[[], object]] = {
    "save": lambda: default_storage.save("ab/picture.jpg", ContentFile(b"jpeg")),
    "open": lambda: default_storage.open("ab/picture.jpg"),
    "delete": lambda: default_storage.delete("ab/picture.jpg"),
    "exists": lambda: default_storage.exists("ab/picture.jpg"),
    "list": lambda: list(kept_files().files()),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_bucket_that_is_gone_is_an_outage(s3: S3Site, settings: Settings, use: Callable[[], object]) -> None:
    configure(settings, s3)
    s3.outage()
    with pytest.raises(StorageUnavailable, match=r"^the storage of kept files does not answer; try again$"):
        use()


def test_a_bucket_that_was_never_made_is_said(s3: S3Site, settings: Settings) -> None:
    s3.bucket = "no-such-bucket"
    configure(settings, s3)
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        default_storage.save("ab/picture.jpg", ContentFile(b"jpeg"))
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        default_storage.open("ab/picture.jpg")


def test_a_disk_that_cannot_be_written_is_an_outage(pictures: Path) -> None:
    pictures.write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable, match="cannot be used"):
        default_storage.save("ab/picture.jpg", ContentFile(b"jpeg"))


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_bucket_is_made_once_where_it_is_asked_for(s3: S3Site, settings: Settings, region: str) -> None:
    s3.bucket, s3.region = f"another-{region}", region
    configure(settings, s3)
    with pytest.raises(CommandError, match="NoSuchBucket"):
        call_command("check_storage")
    for _ in range(2):
        call_command("check_storage", "--create-bucket")
    assert s3.keys() == []


def test_a_working_folder_passes_the_check_and_is_left_empty(pictures: Path) -> None:
    call_command("check_storage", "--create-bucket")
    assert list(kept_files().files()) == []


def test_the_check_waits_for_a_storage_that_starts_late(s3: S3Site, settings: Settings) -> None:
    s3.bucket = "made-later"
    configure(settings, s3)
    later = threading.Timer(1, lambda: s3.client.create_bucket(Bucket="made-later"))
    later.start()
    call_command("check_storage", "--wait", "30")
    later.join()


def test_only_a_disk_says_how_much_room_there_is(s3: S3Site, settings: Settings) -> None:
    default_storage.save("ab/picture.jpg", ContentFile(b"jpeg"))
    room = kept_files().room()
    assert room == Room(used=4, free=room.free if room else 0)
    assert room is not None
    assert room.free > 0
    configure(settings, s3)
    assert kept_files().room() is None


def test_a_served_folder_is_refused_for_kept_files(settings: Settings) -> None:
    settings.MEDIA_ROOT = Path(settings.STATIC_ROOT) / "pictures"
    assert "cv.E001" in [found.id for found in run_checks()]


def test_the_setting_names_a_folder_or_a_bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("V", raising=False)
    assert env.storage("V", "", "") == {"BACKEND": "cv.files.local.LocalStore"}
    monkeypatch.setenv("V", f"file://{tmp_path}/a%20b")
    assert env.storage("V", "", "")["OPTIONS"] == {"location": f"{tmp_path}/a b"}
    monkeypatch.setenv("V", "s3://faces/kept/2026?region=eu-central-1")
    assert env.storage("V", "", "") == {
        "BACKEND": "cv.files.s3.S3Store",
        "OPTIONS": {
            "bucket_name": "faces",
            "location": "kept/2026",
            "endpoint_url": None,
            "region_name": "eu-central-1",
            "addressing_style": "auto",
            "encryption": None,
            "access_key": None,
            "secret_key": None,
        },
    }
    monkeypatch.setenv("V", "s3://faces?endpoint=http://127.0.0.1:9000")
    options = env.storage("V", "key", "secret")["OPTIONS"]
    assert (options["location"], options["endpoint_url"]) == ("", "http://127.0.0.1:9000")
    assert (options["addressing_style"], options["access_key"], options["secret_key"]) == ("path", "key", "secret")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("faces", "file or s3"),
        ("gs://faces", "file or s3, not 'gs'"),
        ("file:relative", "file:///absolute/folder"),
        ("file:///", "file:///absolute/folder"),
        ("s3://", "s3://bucket"),
        ("s3://key:secret@faces", "without keys"),
        ("s3://faces?endpoint=127.0.0.1", "http://"),
        ("s3://faces?acl=public-read", "not 'acl'"),
        ("s3://faces?addressing=both", "path or virtual"),
        ("s3://faces?encryption=none", "AES256"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("V", value)
    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        env.storage("V", "", "")
    assert str(refused.value).startswith("V")
    assert "secret" not in str(refused.value)


def test_half_a_pair_of_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "s3://faces")
    with pytest.raises(ImproperlyConfigured, match="belong together"):
        env.storage("V", "key", "")
