"""The pages are for everyone: no serious axe finding, both languages, light and dark, few bytes."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from cv.engine.types import Category, Estimate
from cv.trust.caller import Caller
from tests.browser.test_upload import choose
from tests.factories import described, face_result, stored_analysis

BUDGET = 150 * 1024


def faults(page: Page) -> list[tuple[str, str]]:
    """The serious and critical findings of axe."""
    # Without transitions, which axe would measure half-way.
    page.wait_for_timeout(300)
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        (fault["id"], node["html"][:150])
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(
    start: Page, live_server: LiveServer, user: User, three_jpeg: Path, astronaut_jpeg: Path, scheme: Any
) -> None:
    start.emulate_media(color_scheme=scheme)
    assert faults(start) == []
    choose(start, three_jpeg, astronaut_jpeg)
    start.locator(".thumb.is-done").nth(1).wait_for()
    assert faults(start) == []
    start.get_by_role("tab", name="API").click()
    assert faults(start) == []
    start.get_by_role("button", name="Side by side").click()
    assert faults(start) == []

    caller = Caller(user=user)
    unsure = described(age=Estimate(40.0, (20.0, 60.0)), gender=Category("male", {"female": 0.4, "male": 0.6}))
    one, two = (stored_analysis(caller, face, subject="someone") for face in (face_result(), unsure))
    for path in (
        "/gallery/",
        "/gallery/?subject=nobody",
        f"/analyses/{two.pk}/",
        f"/compare/?id={one.pk}&id={two.pk}",
        "/models/xcloud-attributes/",
        "/models/face-mesh/",
        "/live/",
        "/nowhere/",
    ):
        start.goto(f"{live_server.url}{path}")
        start.wait_for_load_state("networkidle")
        assert faults(start) == [], path


def test_axe_finds_nothing_serious_on_the_login(live_server: LiveServer, page: Page) -> None:
    page.goto(live_server.url)
    assert faults(page) == []


def test_the_language_is_switched_and_stays(start: Page, live_server: LiveServer, astronaut_jpeg: Path) -> None:
    start.get_by_role("button", name="中文").click()
    expect(start.get_by_role("heading", name="分析照片中的人脸")).to_be_visible()
    assert start.locator("html").get_attribute("lang") == "zh-hans"
    start.get_by_label("选择照片").set_input_files(astronaut_jpeg)
    expect(start.get_by_role("heading", name="1 张人脸")).to_be_visible()
    for title in ("年龄", "颜值", "性别", "种族", "表情"):
        expect(start.get_by_role("heading", name=title)).to_be_visible()
    english = start.locator(".side").inner_text()
    assert re.findall(r"\b(?:Age|Beauty|Gender|Race|Female|Male|sure|likely|Delete)\b", english) == []
    start.goto(f"{live_server.url}/gallery/")
    expect(start.get_by_role("heading", name="图库")).to_be_visible()
    start.get_by_role("button", name="English").click()
    expect(start.get_by_role("heading", name="Gallery")).to_be_visible()


def test_a_chinese_browser_gets_chinese_at_the_first_visit(live_server: LiveServer, browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(live_server.url)
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    context.close()


def test_dark_mode_is_dark(start: Page) -> None:
    brightness = (
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((sum, part) => sum + Number(part), 0)"
    )
    start.emulate_media(color_scheme="light")
    assert start.evaluate(brightness) > 3 * 200
    start.emulate_media(color_scheme="dark")
    assert start.evaluate(brightness) < 3 * 50


def test_the_first_view_weighs_less_than_150_kib(start: Page, live_server: LiveServer) -> None:
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        # Scripts and styles as `collectstatic` compresses them, which this server of the tests does not.
        packed = "/static/" in response.url and response.url.endswith((".js", ".css"))
        body = response.body()
        sizes[response.url] = len(gzip.compress(body)) if packed else len(body)

    context = start.context.browser.new_context(storage_state=start.context.storage_state())  # type: ignore[union-attr]
    page = context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(live_server.url)
    page.wait_for_load_state("networkidle")
    for answer in answers:
        weigh(answer)
    context.close()
    assert any(url.endswith("upload.js") for url in sizes)
    assert sum(sizes.values()) < BUDGET


def test_the_dashboard_opens_for_staff_with_no_serious_fault_of_its_own(
    live_server: LiveServer, page: Page, complaints: list[str], user: User
) -> None:
    User.objects.create_superuser("root", password="a-good-password")
    for _ in range(10):
        stored_analysis(Caller(user=user), face_result())
    page.goto(f"{live_server.url}/login/?next=/admin/")
    page.get_by_label("User name").fill("root")
    page.get_by_label("Password").fill("a-good-password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Photos per day")).to_be_visible()
    expect(page.get_by_role("heading", name="Gender × race")).to_be_visible()
    # The frame around it is django-unfold's.
    page.evaluate("document.querySelectorAll('body *:not(:has(.board), .board, .board *)').forEach((n) => n.remove())")
    assert faults(page) == []
