"""Outages of what the service depends on: a 503 with code and Retry-After; /healthz answers, /readyz says why."""

import base64
import errno
import io
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InternalError, OperationalError, connection
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.files.stores import StorageUnavailable
from cv.models import Analysis, Collection, Job
from cv.search.base import SearchUnavailable
from cv.services import expired_purge
from cv.serving.outages import DATABASE, outage_of
from cv.trust.caller import Caller
from tests.small_disk import small_disk
from tests.vectors import made_collection
from web.admin.erasure import Outcome, erased
from xcloud import env

URL = "/api/v1/analyses"
PASSWORD = {"username": "ada", "password": "a-good-password"}


def refused(answer: Any, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
    assert answer["Retry-After"] in {"5", "10"}


def page_refused(answer: Any, words: str = "The service is not available right now") -> None:
    assert answer.status_code == 503
    assert answer["Retry-After"] in {"5", "10"}
    assert words in answer.content.decode()


def unready(client: Client, part: str, code: str) -> str:
    """The reason that /readyz gives for the part; /healthz still answers 200."""
    answer = client.get("/readyz")
    error = answer.json()["error"]
    assert (answer.status_code, answer["Retry-After"], error["code"]) == (503, "10", code)
    assert list(error["details"]) == [part]
    assert client.get("/healthz").status_code == 200
    (reason,) = error["details"][part]
    return str(reason)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Accepts connections and sends nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


def count_in(settings: Settings, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("XCLOUD_CACHE_URL", f"redis://127.0.0.1:{port}/0")
    settings.CACHES = {"default": env.cache("XCLOUD_CACHE_URL", "")}
    settings.XCLOUD_RATE_PER_MINUTE = 100


def test_without_the_store_of_the_limits_calls_are_503_and_health_is_answered(
    api: APIClient, client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]
    listener.close()
    count_in(settings, monkeypatch, port)
    refused(api.get(URL), "limits_unavailable")
    assert unready(client, "limits", "limits_unavailable") == "the store that counts requests does not answer"


def test_a_store_of_the_limits_that_hangs_is_given_up_soon(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    count_in(settings, monkeypatch, listener.getsockname()[1])
    start = time.monotonic()
    refused(api.get(URL), "limits_unavailable")
    assert time.monotonic() - start < 4


@pytest.fixture
def read_only(transactional_db: None) -> Iterator[None]:
    statements = {"sqlite": "PRAGMA query_only = {}", "postgresql": "SET default_transaction_read_only = {}"}
    if connection.vendor not in statements:
        pytest.skip("no statement makes this database's session read-only at once")
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor].format("on"))
    yield
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor].format("off"))


@pytest.mark.django_db(transaction=True)
def test_with_a_read_only_database_calls_are_503(api: APIClient, read_only: None, empty_scene: bytes) -> None:
    refused(api.post(URL, {"image": base64.b64encode(empty_scene).decode()}), "database_unavailable")
    assert Analysis.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_with_a_read_only_database_a_key_of_a_request_is_503(api: APIClient, read_only: None) -> None:
    answer = api.post("/api/v1/detections", {"image": "AAAA"}, HTTP_IDEMPOTENCY_KEY="k")
    refused(answer, "database_unavailable")


@pytest.mark.django_db(transaction=True)
def test_with_a_read_only_database_a_log_in_is_a_503_page(client: Client, user: User, read_only: None) -> None:
    client.raise_request_exception = False
    page_refused(client.post("/login/", PASSWORD))


@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_is_not_ready(client: Client, read_only: None) -> None:
    assert unready(client, "database", "database_unavailable") == "does not answer or cannot be written"


def test_a_read_only_postgresql_is_an_outage_and_a_fault_of_ours_is_none() -> None:
    class ReadOnlySqlTransaction(Exception):
        sqlstate = "25006"

    class InFailedSqlTransaction(Exception):
        sqlstate = "25P02"

    def error(cause: Exception) -> InternalError:
        made = InternalError()
        made.__cause__ = cause
        return made

    assert outage_of(error(ReadOnlySqlTransaction())) == DATABASE
    assert outage_of(error(InFailedSqlTransaction())) is None
    assert outage_of(FileNotFoundError(errno.ENOENT, "No such file")) is None


def fill_sessions(size: int) -> None:
    for index in range(10_000):
        Session.objects.create(session_key=f"{size}-{index}", session_data="x" * size, expire_date="2030-01-01T00:00Z")


@pytest.fixture
def full_database(transactional_db: None) -> Iterator[None]:
    """A database at its maximum size: SQLite then raises the same error as on a full disk."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite can be told how large its file may become")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count")
        (usual,) = cursor.fetchone()
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    for size in (4000, 100, 1):
        with pytest.raises(OperationalError, match="full"):
            fill_sessions(size)
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA max_page_count = {usual}")


def archive(*pictures: bytes) -> SimpleUploadedFile:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for index, picture in enumerate(pictures):
            packed.writestr(f"{index}.jpg", picture)
    return SimpleUploadedFile("photos.zip", file.getvalue(), "application/zip")


def files_below(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


@pytest.mark.django_db(transaction=True)
def test_with_a_full_database_a_log_in_is_a_503_page(client: Client, user: User, full_database: None) -> None:
    client.raise_request_exception = False
    page_refused(client.post("/login/", PASSWORD))


@pytest.mark.django_db(transaction=True)
def test_with_a_full_database_nothing_is_left_of_a_job_or_a_picture(
    api: APIClient, full_database: None, pictures: Path
) -> None:
    for _ in range(3):
        refused(api.post("/api/v1/jobs", {"urls": ["https://example.org/" + "a" * 900] * 500}), "database_unavailable")
    assert not Job.objects.exists()
    # An archive takes one row, until there is no room for that either.
    while (answer := api.post("/api/v1/jobs", {"archive": archive(b"a")}, format="multipart")).status_code == 202:
        assert Job.objects.count() < 1000
    refused(answer, "database_unavailable")
    assert len(files_below(pictures)) == Job.objects.count()


class _BreaksOff(ContentFile):
    """A disk that is full after the first bytes."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"the first bytes"
        raise OSError(errno.ENOSPC, "No space left on device")


def test_of_a_file_that_does_not_fit_nothing_is_left(pictures: Path) -> None:
    with pytest.raises(StorageUnavailable, match="No space left on device"):
        default_storage.save("ab/cd.jpg", _BreaksOff(b"much more"))
    assert files_below(pictures) == []


def test_on_a_full_disk_no_half_of_a_picture_is_left(
    api: APIClient, settings: Settings, tmp_path: Path, grace_hopper: bytes
) -> None:
    with small_disk(tmp_path / "disk", "32k") as disk:
        settings.MEDIA_ROOT = disk
        image = base64.b64encode(grace_hopper).decode()
        answer = api.post(URL, {"image": image, "store": {"image": True}})
        refused(answer, "storage_unavailable")
        assert files_below(disk) == []
        assert not Analysis.objects.exists()
        assert api.post(URL, {"image": image}).status_code == 201


def test_a_disk_below_its_floor_is_not_ready(client: Client, db: None, settings: Settings, tmp_path: Path) -> None:
    settings.XCLOUD_DISK_FLOOR_BYTES = 2**60
    assert unready(client, "disk", "storage_unavailable").endswith(f"the floor is {2**60:,}")
    settings.XCLOUD_DISK_FLOOR_BYTES = 0
    assert client.get("/readyz").json() == {"status": "ready"}


def test_the_disk_of_kept_pictures_counts(client: Client, db: None, settings: Settings, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        settings.MEDIA_ROOT = disk / "pictures"
        settings.XCLOUD_DISK_FLOOR_BYTES = 2 * 1024**2
        assert unready(client, "disk", "storage_unavailable") == "has 1,048,576 bytes left; the floor is 2,097,152"


def index_away(*_: object, **options: object) -> None:
    raise SearchUnavailable("the search index does not answer; try again")


def test_without_the_search_index_the_admin_erases_and_deletes_nobody_and_says_why(
    client: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_collection(Caller(user=user))
    monkeypatch.setattr("cv.services.collections.drop_index", index_away)
    monkeypatch.setattr("web.admin.erasure.subject_erase", index_away)
    request = RequestFactory().post("/")
    request.user = User.objects.create_superuser("root")
    assert erased(request, "ada") == Outcome("ada", None, "the search index does not answer; try again")
    client.force_login(request.user)
    client.raise_request_exception = False
    question = client.get(f"/admin/auth/user/{user.pk}/delete/").content.decode()
    assert "Collections: 1" in question
    page_refused(client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}))
    assert (User.objects.filter(pk=user.pk).exists(), Collection.objects.count()) == (True, 1)


@pytest.mark.django_db
def test_without_the_search_index_a_purge_still_cleans_the_databases_log(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[bool] = []
    monkeypatch.setattr("cv.services.purge.tidy_indexes", index_away)
    monkeypatch.setattr("cv.services.purge.traces_remove", lambda: cleaned.append(True))
    with pytest.raises(SearchUnavailable):
        expired_purge()
    assert cleaned == [True]
