"""Fixtures for all tests: real photographs, callers, and a temporary folder for kept pictures."""

import io
import ipaddress
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from PIL import Image
from pytest_django import Settings
from rest_framework.test import APIClient

from cv.engine import outputs
from cv.engine.readers import base
from cv.models import ApiKey
from cv.search import served
from cv.search.served import served_index
from cv.services import api_key_create
from cv.serving.outputs import load_outputs
from cv.trust.caller import Caller
from tests.site import Site

PLUGINS = ("tests.toy_reader",)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only-database", action="store_true", help="leave out tests that use no database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a second database, tests that use none would only repeat their result."""
    if config.getoption("--only-database"):
        left_out = [item for item in items if not _uses_database(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _uses_database(item)]


def _uses_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return "db" in fixtures or "transactional_db" in fixtures or item.get_closest_marker("django_db") is not None


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Real password hashes take 0.3 to 0.5 s on purpose, and hundreds of tests create a user."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def pictures(settings: Settings, tmp_path: Path) -> Path:
    """An empty folder for kept pictures instead of the installation's."""
    settings.MEDIA_ROOT = tmp_path / "pictures"
    return tmp_path / "pictures"


@pytest.fixture(autouse=True)
def receipt_key(settings: Settings, tmp_path: Path) -> Path:
    """A key file for receipts of erasure instead of the installation's."""
    settings.XCLOUD_RECEIPT_KEY_FILE = tmp_path / "receipt_key.pem"
    return tmp_path / "receipt_key.pem"


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Removes what the test, or a plugin in it, has registered."""
    for module, name in ((outputs, "_OUTPUTS"), (base, "_KINDS"), (base, "_READERS")):
        monkeypatch.setattr(module, name, dict(getattr(module, name)))
    for name in PLUGINS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in PLUGINS:
        sys.modules.pop(name, None)


@pytest.fixture
def plugin(registries: None, settings: Settings) -> None:
    """The server as it is with XCLOUD_PLUGINS=tests.toy_reader."""
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, plugins=PLUGINS)
    load_outputs()


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Empties the cache, so that requests of one test do not count against the limits of the next."""
    cache.clear()


@pytest.fixture
def identity(settings: Settings) -> Iterator[None]:
    """Identity is on, and the search index is empty."""
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    served_index.cache_clear()
    served._seen.clear()
    yield
    served_index.cache_clear()
    served._seen.clear()


@pytest.fixture
def site(grace_hopper: bytes, settings: Settings) -> Iterator[Site]:
    """A real server on this machine, in a network that the operator has allowed."""
    served = Site(grace_hopper)
    settings.XCLOUD_PRIVATE_NETWORKS = [ipaddress.ip_network("127.0.0.1/32")]
    settings.XCLOUD_URL_PORTS = {80, 443, served.port}
    yield served
    served.close()


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    """Eileen Collins, 512 × 512, as PNG; from NASA, in the public domain."""
    from skimage import data

    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def grace_hopper() -> bytes:
    """Grace Hopper, 512 × 600, the JPEG file of Matplotlib; from the US Navy, in the public domain."""
    return (Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()


@pytest.fixture(scope="session")
def two_faces(astronaut: bytes, grace_hopper: bytes) -> bytes:
    """Grace Hopper at full size on the left, Eileen Collins at half size on the right of x = 512."""
    canvas = Image.new("RGB", (800, 600), "white")
    canvas.paste(Image.open(io.BytesIO(grace_hopper)), (0, 0))
    canvas.paste(Image.open(io.BytesIO(astronaut)).resize((288, 288)), (512, 100))
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def empty_scene() -> bytes:
    """A grey JPEG without a face."""
    file = io.BytesIO()
    Image.new("RGB", (320, 240), "grey").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ada", password="a-good-password")


@pytest.fixture
def key(db: None) -> tuple[ApiKey, str]:
    """An API key without a user, with its text."""
    return api_key_create("tests")


@pytest.fixture
def caller(key: tuple[ApiKey, str]) -> Caller:
    return Caller(api_key=key[0])


@pytest.fixture
def client_of() -> Callable[[str], APIClient]:
    """An HTTP client that sends the given key."""

    def client(text: str) -> APIClient:
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return api

    return client


@pytest.fixture
def api(key: tuple[ApiKey, str], client_of: Callable[[str], APIClient]) -> APIClient:
    """An HTTP client with a valid key."""
    return client_of(key[1])
