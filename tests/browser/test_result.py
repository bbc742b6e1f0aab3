"""A stored analysis: its own page, with and without the picture, its deletion, and the layout at every width."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.engine.types import Category, Estimate
from cv.models import Analysis
from cv.trust.caller import Caller
from tests.browser.test_upload import ASTRONAUT, TOLERANCE_PX, box_in_photo, choose
from tests.factories import described, stored_analysis


def test_a_kept_picture_is_shown_with_its_boxes(start: Page, astronaut_jpeg: Path) -> None:
    start.get_by_label("Keep the pictures").check()
    choose(start, astronaut_jpeg)
    start.get_by_role("link", name="Open its page").click()
    expect(start.locator(".face-box")).to_have_count(1)
    photo = start.locator(".stage-photo")
    expect(photo).to_be_visible()
    start.wait_for_function("document.querySelector('.stage-photo').naturalWidth === 512")
    assert box_in_photo(start, 1, photo_width=512) == pytest.approx(ASTRONAUT, abs=TOLERANCE_PX)


def test_without_the_picture_the_boxes_are_on_a_blank_sheet(start: Page, group_jpeg: Path) -> None:
    choose(start, group_jpeg)
    start.get_by_role("link", name="Open its page").click()
    expect(start.locator(".face-box")).to_have_count(2)
    expect(start.locator(".stage-photo")).to_have_count(0)
    expect(start.get_by_text("The picture was not kept.")).to_be_visible()
    sheet = start.locator(".stage").bounding_box()
    assert sheet is not None
    assert sheet["width"] / sheet["height"] == pytest.approx(1024 / 600, rel=0.01)
    assert Analysis.objects.get().picture == ""


def test_an_answer_that_abstained_is_shown_as_unsure(start: Page, live_server: LiveServer, user: User) -> None:
    unsure = described(age=Estimate(40.0, (20.0, 60.0)), gender=Category("male", {"female": 0.4, "male": 0.6}))
    row = stored_analysis(Caller(user=user), unsure)
    start.goto(f"{live_server.url}/analyses/{row.pk}/")
    card = start.locator(".card")
    # The headline has neither the age nor the gender.
    expect(card.get_by_role("heading", level=3)).to_have_text("Face 1 Happy")
    for title in ("Age", "Gender"):
        expect(card.get_by_role("heading", level=4, name=title)).to_have_text(f"{title}unsure")
    expect(card.get_by_role("heading", level=4, name="Race")).to_have_text("Racefairly sure")
    expect(card.locator(".is-top")).to_have_count(2)
    # The probabilities stay.
    expect(card.locator(".category", has_text="Gender").locator(".bar-share")).to_have_text(["60 %", "40 %"])
    expect(start.get_by_text("Treat answers marked “unsure” as unknown.")).to_be_visible()
    start.get_by_role("button", name="中文").click()
    expect(start.locator(".card .is-unsure h4 .is-unsure")).to_have_text(["不确定", "不确定"])


def test_points_that_were_asked_for_are_drawn_over_a_face_that_is_pointed_at(start: Page, astronaut_jpeg: Path) -> None:
    for name in ("Points", "Mesh", "Head pose", "Eyes and mouth"):
        start.get_by_role("checkbox", name=name).check()
    choose(start, astronaut_jpeg)
    box, lines = start.locator(".face-box"), start.locator("svg.mesh path")
    expect(box).to_have_count(1)
    expect(lines).to_have_count(0)
    box.hover()
    expect(lines).to_have_count(2)
    # 68 points in nine lines, 468 in 103; an eye is where the face's is.
    expect(lines.nth(0)).to_have_attribute("d", re.compile(r"^(M[^M]+){9}$"))
    expect(lines.nth(1)).to_have_attribute("d", re.compile(r"^(M[^M]+){103}$"))
    around, drawn = box.bounding_box(), lines.nth(0).bounding_box()
    assert around is not None
    assert drawn is not None
    assert 0.6 < drawn["width"] / around["width"] < 1.3
    assert abs(drawn["x"] + drawn["width"] / 2 - around["x"] - around["width"] / 2) < 0.15 * around["width"]
    card = start.locator(".card-others")
    expect(card.get_by_role("heading", level=4)).to_have_text(["Points", "Mesh", "Head pose", "Eyes and mouth"])
    expect(card.locator(".bars li")).to_have_count(3)
    expect(card).to_contain_text("68 points (ibug68)")
    turned = re.compile(r"turned to the (left|right) \d°, (raised|lowered) \d+°, tilted to the (left|right) \d°")
    expect(card).to_contain_text(turned)
    start.mouse.move(0, 0)
    expect(lines).to_have_count(0)
    start.get_by_role("tab", name="API").click()
    expect(start.locator(".recipe-call")).to_contain_text(
        "-F attributes=age,gender,race,expression,beauty,points,mesh,pose,openness"
    )


def test_an_analysis_is_deleted_after_asking(start: Page, astronaut_jpeg: Path) -> None:
    choose(start, astronaut_jpeg)
    row = start.locator(".recent-row")
    expect(row).to_have_count(1)
    row.get_by_role("button").click()
    start.get_by_role("button", name="Keep").click()
    expect(row).to_have_count(1)
    row.get_by_role("button").click()
    start.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(start.get_by_text("No analyses yet.")).to_be_visible()
    assert not Analysis.objects.exists()


def test_logging_out_ends_the_session(start: Page, live_server: LiveServer) -> None:
    start.get_by_role("button", name="Log out").click()
    start.goto(live_server.url)
    expect(start.get_by_label("Password")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280, 1920])
def test_nothing_extends_past_the_windows_edge(start: Page, group_jpeg: Path, width: int) -> None:
    start.set_viewport_size({"width": width, "height": 900})
    choose(start, group_jpeg)
    expect(start.locator(".card")).to_have_count(2)
    assert start.evaluate("document.documentElement.scrollWidth") <= width
    stage = start.locator(".stage").bounding_box()
    assert stage is not None
    assert stage["width"] >= min(320, width - 40)
