"""The set-up that a run is for: the database of DATABASE_URL, the broker of TEST_BROKER, two thousand photos."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from PIL import Image
from pytest_django import Settings

from cv.jobs.broker import celery_app
from tests.failures.brokers import Broker, RabbitMQ, Redis
from tests.failures.workers import Crew, Server, Workers
from tests.sqlite_file import django_db_modify_db_settings  # noqa: F401

COUNT = int(os.environ.get("TEST_FAILURES_IMAGES", 2000))
BROKERS = {"redis": Redis, "rabbitmq": RabbitMQ}
SIDE = 96
# A lease ends soon, so that what a killed worker held is taken over soon.
LEASE_S = 6
# To start Erlang on a machine that has other things to do.
BROKER_S = 120.0


@pytest.fixture(scope="session")
def photos(astronaut: bytes, grace_hopper: bytes) -> list[bytes]:
    """Small photos with one face each, no two of the same bytes."""
    faces = [
        Image.open(io.BytesIO(astronaut)).convert("RGB").crop((140, 20, 310, 210)),
        Image.open(io.BytesIO(grace_hopper)).convert("RGB").crop((100, 40, 430, 410)),
    ]
    for face in faces:
        face.thumbnail((SIDE, SIDE))
    return [_photo(faces[number % 2], number) for number in range(COUNT)]


def _photo(face: Image.Image, number: int) -> bytes:
    """The face with its number in the first pixel, as PNG, which keeps it."""
    face.putpixel((0, 0), (number % 256, number // 256, 0))
    file = io.BytesIO()
    face.save(file, "PNG", compress_level=1)
    return file.getvalue()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker | None]:
    name = os.environ.get("TEST_BROKER", "")
    if not name:
        yield None
        return
    broker = BROKERS[name](tmp_path / "broker")
    try:
        broker.start()
        broker.wait(BROKER_S)
        yield broker
    finally:
        broker.close()


@pytest.fixture
def workers(broker: Broker | None, tmp_path: Path, transactional_db: None, settings: Settings) -> Iterator[Workers]:
    """Not started; in an installation of their own, on the test's database."""
    environment = {
        "DATABASE_URL": _url_of_test_database(),
        "XCLOUD_VAR_DIR": str(tmp_path),
        "XCLOUD_BROKER_URL": broker.url if broker else "",
        "XCLOUD_JOB_LEASE_S": str(LEASE_S),
        "XCLOUD_JOB_NICE": "0",
        "XCLOUD_WEBHOOK_THREAD": "0",
        "XCLOUD_LOG_LEVEL": "WARNING",
    }
    if broker:
        # Where the test itself rings; Celery's own settings are made when it is first imported.
        settings.XCLOUD_BROKER_URL = broker.url
        celery_app().conf.broker_url = broker.url
    workers = (Crew if broker else Server)(environment, tmp_path)
    try:
        yield workers
    finally:
        workers.close()


def _url_of_test_database() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite":
        return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    if not Path(name).is_file():
        pytest.skip("needs a run of its own, for a database in a file: pytest tests/failures")
    return f"sqlite:///{name}"
