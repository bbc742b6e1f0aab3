"""The messages that a visitor sees when something goes wrong."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.models import Analysis
from cv.trust.caller import Caller
from tests.browser.test_upload import choose
from tests.factories import stored_analysis


def test_a_wrong_password_is_refused_in_words_and_the_right_one_accepted(
    live_server: LiveServer, page: Page, user: User
) -> None:
    page.goto(live_server.url)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    page.get_by_label("Password").fill("a-good-password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Analyze the faces in your photos")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"not a picture at all", "This file is not a supported picture", id="text"),
        pytest.param(None, "This picture is damaged", id="truncated-jpeg"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained_and_nothing_is_stored(
    start: Page, astronaut_jpeg: Path, tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "broken.jpg"
    file.write_bytes(content or astronaut_jpeg.read_bytes()[:4000])
    start.set_viewport_size({"width": 360, "height": 640})
    choose(start, file)
    expect(start.get_by_role("alert")).to_contain_text(words)
    expect(start.get_by_role("alert").locator(".notice")).to_be_in_viewport()
    # It would be refused again.
    expect(start.get_by_role("button", name="Try again")).to_have_count(0)
    expect(start.get_by_text("or drop photos or a folder")).to_be_visible()
    assert not Analysis.objects.exists()


def test_a_file_over_the_limit_is_refused_before_it_is_uploaded(start: Page, tmp_path: Path) -> None:
    uploads: list[str] = []
    start.on("request", lambda request: uploads.append(request.url) if request.method == "POST" else None)
    file = tmp_path / "large.jpg"
    file.write_bytes(bytes(30 * 1024 * 1024))
    choose(start, file)
    expect(start.get_by_role("alert")).to_contain_text("This picture is too large")
    expect(start.get_by_role("alert")).to_contain_text("This file has 30.0 MB; the limit is 25.0 MB.")
    assert uploads == []


def test_a_server_that_does_not_answer_can_be_tried_again(start: Page, astronaut_jpeg: Path) -> None:
    start.route("**/api/v1/analyses", lambda route: route.abort())
    choose(start, astronaut_jpeg)
    expect(start.get_by_role("alert")).to_contain_text("The server did not answer")
    start.unroute("**/api/v1/analyses")
    start.get_by_role("button", name="Try again").first.click()
    expect(start.locator(".face-box")).to_have_count(1)
    expect(start.get_by_role("alert")).to_be_empty()


def test_an_upload_can_be_cancelled(start: Page, astronaut_jpeg: Path) -> None:
    start.route("**/api/v1/analyses", lambda route: None)
    choose(start, astronaut_jpeg)
    expect(start.locator(".stage-photo")).to_be_visible()
    start.get_by_role("button", name="Cancel").click()
    expect(start.locator("#status")).to_have_text("Cancelled.")
    expect(start.get_by_text("or drop photos or a folder")).to_be_visible()


def test_a_session_that_ends_among_uploads_loses_none_of_them(
    start: Page, astronaut_jpeg: Path, group_jpeg: Path, three_jpeg: Path
) -> None:
    start.context.clear_cookies()
    choose(start, astronaut_jpeg, group_jpeg, three_jpeg)
    alert = start.get_by_role("alert")
    expect(alert).to_contain_text("You are logged out")
    expect(alert).to_contain_text("3 photos wait and go on afterwards.")
    with start.context.expect_page() as opened:
        alert.get_by_role("link", name="Log in").click()
    login = opened.value
    login.get_by_label("User name").fill("ada")
    login.get_by_label("Password").fill("a-good-password")
    login.get_by_role("button", name="Log in").click()
    login.get_by_role("heading", name="Analyze the faces in your photos").wait_for()
    login.close()
    alert.get_by_role("button", name="Try again").click()
    expect(start.locator(".thumb.is-done")).to_have_count(3)
    expect(alert).to_be_empty()


def test_the_analysis_of_another_user_is_not_found(start: Page, live_server: LiveServer) -> None:
    other = Caller(user=User.objects.create_user("grace", password="another-password"))
    start.goto(f"{live_server.url}/analyses/{stored_analysis(other).pk}/")
    expect(start.get_by_role("heading", name="Page not found")).to_be_visible()
