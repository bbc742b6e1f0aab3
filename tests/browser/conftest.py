"""Chromium, photos on disk, and a logged-in page; any script or policy error fails the test."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image, ImageOps
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.chromium import NAMES, find_chromium
from tests.sqlite_file import django_db_modify_db_settings  # noqa: F401

expect.set_options(timeout=20_000)
# The scripts and styles of this tree, not those that an earlier `make serve` collected.
settings.WHITENOISE_USE_FINDERS = True
SWITCHES = [
    "--disable-gpu", "--disable-quic", "--disable-component-update", "--disable-sync",
    # A camera that shows a test picture, without a permission prompt.
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if (chromium := find_chromium()) is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on PATH")
    # Chromium's sandbox cannot be used by root.
    switches = [*SWITCHES, "--no-sandbox"] if os.geteuid() == 0 else SWITCHES
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's sync API keeps an event loop in this thread; the ORM calls of these tests are not inside it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield playwright.chromium.launch(executable_path=chromium, args=switches)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window without cookies or cache, far from UTC."""
    context = browser.new_context(locale="en-GB", timezone_id="Asia/Kolkata")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def astronaut_jpeg(astronaut: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eileen Collins, 512 × 512."""
    file = tmp_path_factory.mktemp("photos") / "astronaut.jpg"
    Image.open(io.BytesIO(astronaut)).convert("RGB").save(file, quality=95)
    return file


@pytest.fixture(scope="session")
def group_jpeg(astronaut: bytes, grace_hopper: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eileen Collins left, Grace Hopper right of x = 512; 1024 × 600."""
    photo = Image.new("RGB", (1024, 600), (127, 127, 127))
    photo.paste(Image.open(io.BytesIO(astronaut)), (0, 0))
    photo.paste(Image.open(io.BytesIO(grace_hopper)), (512, 0))
    file = tmp_path_factory.mktemp("photos") / "group.jpg"
    photo.save(file, quality=95)
    return file


@pytest.fixture(scope="session")
def three_jpeg(astronaut: bytes, grace_hopper: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grace Hopper, Eileen Collins, and Eileen Collins again at half size, mirrored; 1300 × 600."""
    collins = Image.open(io.BytesIO(astronaut)).convert("RGB")
    photo = Image.new("RGB", (1300, 600), (127, 127, 127))
    photo.paste(Image.open(io.BytesIO(grace_hopper)), (0, 0))
    photo.paste(collins, (512, 0))
    photo.paste(ImageOps.mirror(collins).resize((256, 256)), (1034, 100))
    file = tmp_path_factory.mktemp("photos") / "three.jpg"
    photo.save(file, quality=95)
    return file


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """The browser's errors and warnings, without failed requests, because tests provoke those."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            found.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield found
    assert found == []


@pytest.fixture
def start(live_server: LiveServer, page: Page, client: Client, user: User, complaints: list[str]) -> Page:
    """The start page of a logged-in user, ready to be used."""
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    page.goto(live_server.url)
    page.get_by_role("heading", name="Analyze the faces in your photos").wait_for()
    # The page's script fills this last; now the buttons work.
    page.locator("#recent > *").wait_for()
    return page
