"""Swagger UI at /api/docs: a route can be tried with a file at the first try."""

import json
from pathlib import Path

from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.services import api_key_create

# Chromium lays out the whole schema before it shows anything.
PATIENCE_MS = 120_000


def open_route(page: Page, live_server: LiveServer, key: str, operation: str) -> Locator:
    """A route of the page, its form open for a key."""
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{live_server.url}/api/docs", wait_until="commit")
    page.get_by_role("button", name="Authorize").first.click()
    form = page.locator(".auth-container").filter(has_text="bearer")
    form.locator("input").fill(key)
    form.get_by_role("button", name="Apply credentials").click()
    form.get_by_role("button", name="Close").click()
    route = page.locator(f'[id$="-{operation}"]')
    route.locator(".opblock-summary-control").click()
    route.get_by_role("button", name="Try it out").click()
    return route


def test_a_photo_alone_is_analyzed(
    page: Page, live_server: LiveServer, user: User, complaints: list[str], astronaut_jpeg: Path
) -> None:
    route = open_route(page, live_server, api_key_create("docs", user)[1], "analysis_create")
    fields = route.locator("[data-property-name]")
    expect(fields.locator("input[type=text], textarea")).to_have_count(4)
    for field in fields.locator("input[type=text], textarea").all():
        expect(field).to_have_value("")
    assert fields.locator("option:checked").all_text_contents() == []
    route.locator("input[type=file]").set_input_files(astronaut_jpeg)
    route.get_by_role("button", name="Execute").click()
    answer = route.locator(".live-responses-table .response").first
    expect(answer.locator(".response-col_status")).to_contain_text("201", timeout=PATIENCE_MS)
    assert "-F 'url" not in route.locator(".curl").first.inner_text()
    body = json.loads(answer.locator(".response-col_description pre").first.inner_text())
    assert [face["attributes"]["expression"]["label"] for face in body["faces"]] == ["happiness"]
