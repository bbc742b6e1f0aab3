"""Earlier analyses: search, paging, choosing, side by side, deletion."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.engine.types import Estimate
from cv.models import Analysis
from cv.trust.caller import Caller
from tests.factories import described, face_result, stored_analysis
from web.pages.search import PAGE_SIZE


@pytest.fixture
def gallery(start: Page, live_server: LiveServer, user: User, empty_scene: bytes) -> Page:
    caller = Caller(user=user)
    stored_analysis(caller, described(age=Estimate(70.0, (60.0, 80.0))), subject="grandmother")
    stored_analysis(caller, face_result(), subject="visitor 17", data=empty_scene, image=True)
    start.goto(f"{live_server.url}/gallery/")
    return start


def test_the_search_finds_by_subject_and_age(gallery: Page) -> None:
    rows = gallery.locator(".recent-row")
    expect(rows).to_have_count(2)
    gallery.get_by_label("Age from").fill("50")
    gallery.get_by_role("button", name="Search").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("grandmother")
    # Empty fields are not in the address.
    assert "race" not in gallery.url
    gallery.get_by_role("link", name="Age from: 50").click()
    expect(rows).to_have_count(2)


def test_the_gallery_is_counted_ordered_and_selected_whole(gallery: Page) -> None:
    expect(gallery.get_by_role("heading", name="Gallery 2")).to_be_visible()
    gallery.get_by_label("Order").select_option("By subject")
    gallery.wait_for_url("**order=subject**")
    expect(gallery.locator(".recent-subject")).to_have_text(["grandmother", "visitor 17"])
    gallery.get_by_label("Select all").check()
    expect(gallery.get_by_text("2 chosen")).to_be_visible()
    gallery.get_by_label("Select all").uncheck()
    expect(gallery.locator(".pick input:checked")).to_have_count(0)


def test_ticked_analyses_are_compared_exported_and_deleted(gallery: Page) -> None:
    compare = gallery.get_by_role("button", name="Side by side")
    expect(compare).to_be_disabled()
    for box in gallery.locator(".pick input").all():
        box.check()
    expect(gallery.get_by_text("2 chosen")).to_be_visible()
    with gallery.expect_download() as saved:
        gallery.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8-sig"))))
    assert {row["age"] for row in rows} == {"70.0", "31.25"}

    compare.click()
    expect(gallery.get_by_role("heading", name="Side by side")).to_be_visible()
    expect(gallery.locator(".card")).to_have_count(2)

    gallery.go_back()
    for box in gallery.locator(".pick input").all():
        box.check()
    gallery.locator("#delete-picked").click()
    gallery.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(gallery.get_by_text("Nothing here yet.")).to_be_visible()
    assert not Analysis.objects.exists()


def test_a_failed_deletion_keeps_its_row_and_a_missing_analysis_stops_nothing(gallery: Page) -> None:
    def delete_ticked() -> None:
        gallery.locator("#delete-picked").click()
        gallery.get_by_role("dialog").get_by_role("button", name="Delete").click()

    rows = gallery.locator(".recent-row")
    for box in gallery.locator(".pick input").all():
        box.check()
    last = f"**/api/v1/analyses/{rows.last.get_attribute('data-id')}"
    gallery.route(last, lambda route: route.abort())
    delete_ticked()
    expect(gallery.get_by_role("alert")).to_contain_text("The server did not answer")
    expect(rows).to_have_count(1)
    expect(gallery.get_by_text("1 chosen")).to_be_visible()
    gallery.unroute(last)
    Analysis.objects.all().delete()
    delete_ticked()
    expect(gallery.get_by_text("Nothing here yet.")).to_be_visible()


def test_times_are_in_the_visitors_zone_on_screen_and_in_labels(gallery: Page, live_server: LiveServer) -> None:
    Analysis.objects.update(created_at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    here = "2 Mar 2026, 01:30"
    gallery.reload()
    expect(gallery.locator(".recent-row time")).to_have_text([here, here])
    name = f"Female, about 31 visitor 17 {here}"
    expect(gallery.get_by_role("checkbox", name=f"Choose {name}", exact=True)).to_be_visible()
    expect(gallery.get_by_role("button", name=f"Delete {name}", exact=True)).to_be_visible()
    gallery.get_by_label("From day").fill("2026-03-02")
    gallery.get_by_role("button", name="Search").click()
    expect(gallery.locator(".recent-row time")).to_have_text([here, here])
    gallery.get_by_role("link", name=name).click()
    expect(gallery.get_by_role("heading", name=f"Analysis of {here}")).to_be_visible()
    gallery.goto(live_server.url)
    expect(gallery.locator(".recent-row time")).to_have_text([here, here])


def test_pages_lead_to_older_analyses_and_back(start: Page, live_server: LiveServer, user: User) -> None:
    for number in range(PAGE_SIZE + 1):
        stored_analysis(Caller(user=user), subject=f"number {number}")
    start.goto(f"{live_server.url}/gallery/")
    expect(start.locator(".recent-row")).to_have_count(PAGE_SIZE)
    start.get_by_role("link", name="Older").click()
    expect(start.locator(".recent-row")).to_have_count(1)
    expect(start.get_by_text("number 0", exact=True)).to_be_visible()
    start.get_by_role("link", name="Newer").click()
    expect(start.locator(".recent-row")).to_have_count(PAGE_SIZE)
