"""Collections on the page: people are enrolled from photos, found in a group photo, named in it, and erased."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from cv.choices import Source
from cv.engine.types import AnalysisOptions
from cv.models import Analysis, EnrolledFace, FaceVector
from cv.search import served
from cv.search.served import served_index
from cv.services import AnalysisRequest, StoreOptions, analysis_create
from cv.trust.caller import Caller


@pytest.fixture
def choir(start: Page, live_server: LiveServer, settings: Settings) -> Iterator[Page]:
    """The page of a new collection."""
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    served_index.cache_clear()
    served._seen.clear()
    start.goto(f"{live_server.url}/people/")
    start.get_by_label("Name").fill("Choir")
    start.get_by_role("button", name="Create").click()
    start.get_by_role("heading", name="Choir").wait_for()
    yield start
    served_index.cache_clear()
    served._seen.clear()


def names_on(page: Page) -> list[str]:
    return sorted(page.locator("#searched .face-number").all_inner_texts())


def test_people_are_enrolled_found_in_a_group_and_unknown_once_erased(
    choir: Page, astronaut_jpeg: Path, grace_hopper: bytes, group_jpeg: Path, tmp_path: Path
) -> None:
    hopper = tmp_path / "grace_hopper.jpg"
    hopper.write_bytes(grace_hopper)
    choir.locator("#enrol-file").set_input_files([astronaut_jpeg, hopper])
    names = choir.get_by_label("Name of the person")
    expect(names).to_have_count(2)
    assert [field.input_value() for field in names.all()] == ["astronaut", "grace hopper"]
    choir.get_by_role("button", name="Enrol all").click()
    expect(choir.locator(".person")).to_have_count(2)

    choir.locator("#search-file").set_input_files(group_jpeg)
    expect(choir.locator(".found-face")).to_have_count(2)
    assert names_on(choir) == ["astronaut", "grace hopper"]

    choir.locator(".person", has_text="grace hopper").get_by_role("button", name="Erase").click()
    choir.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(choir.locator(".found-face.is-unknown")).to_have_count(1)
    assert names_on(choir) == ["astronaut", "unknown"]
    assert [face.subject for face in EnrolledFace.objects.all()] == ["astronaut"]
    assert not Analysis.objects.exists()


def test_the_faces_of_a_group_photo_are_named_in_it_and_a_refusal_offers_the_right_name(
    choir: Page, group_jpeg: Path, astronaut_jpeg: Path
) -> None:
    choir.locator("#search-file").set_input_files(group_jpeg)
    expect(choir.locator(".found-face.is-unknown")).to_have_count(2)
    for _ in range(2):
        line = choir.locator(".found-face.is-unknown").first
        number = line.locator("strong").inner_text()
        line.get_by_placeholder("Who is it?").fill(number)
        line.get_by_role("button", name="Enrol").click()
        expect(choir.locator(".found-face:not(.is-unknown)", has_text=number)).to_be_visible()
    assert names_on(choir) == ["Face 1", "Face 2"]

    choir.locator("#enrol-file").set_input_files(astronaut_jpeg)
    choir.get_by_role("button", name="Enrol", exact=True).click()
    expect(choir.get_by_text("This face looks like someone else here")).to_be_visible()
    choir.get_by_role("button", name="Enrol as Face").click()
    # Under the right name the server sees that it has this very photo.
    expect(choir.get_by_text("This photo is enrolled already")).to_be_visible()
    assert EnrolledFace.objects.count() == 2


def test_of_several_faces_the_one_that_is_clicked_is_enrolled(choir: Page, group_jpeg: Path) -> None:
    choir.locator("#enrol-file").set_input_files(group_jpeg)
    choir.get_by_label("Name of the person").fill("Eileen")
    choir.get_by_role("button", name="Enrol all").click()
    expect(choir.locator(".enrol-line .face-box")).to_have_count(2)
    # By where they are: Eileen Collins is left.
    left = min(choir.locator(".enrol-line .face-box").all(), key=lambda box: (box.bounding_box() or {"x": 0})["x"])
    left.click()
    expect(choir.locator(".person", has_text="Eileen")).to_be_visible()
    choir.locator("#search-file").set_input_files(group_jpeg)
    expect(choir.locator(".found-face.is-unknown")).to_have_count(1)
    boxes = {
        mark.inner_text(): (mark.bounding_box() or {"x": 0})["x"]
        for mark in choir.locator("#searched .face-mark").all()
    }
    assert boxes["Eileen"] < boxes["unknown"]


def test_unknown_people_are_grouped_corrected_and_named_and_faces_in_doubt_are_left_out(
    choir: Page, user: User, group_jpeg: Path, astronaut_jpeg: Path, tmp_path: Path
) -> None:
    wanted = AnalysisOptions(attributes=frozenset({"gender", "embedding"}))
    for photo in (group_jpeg, astronaut_jpeg):
        request = AnalysisRequest(photo.read_bytes(), Source.UPLOAD, wanted, StoreOptions(image=True))
        analysis_create(request, Caller(user=user))
    # Grace Hopper's face as if it were a child's.
    hopper = FaceVector.objects.filter(face__analysis__face_count=2).order_by("face__box_x").last()
    assert hopper is not None
    FaceVector.objects.filter(pk=hopper.pk).update(doubts=["child"])
    choir.get_by_role("button", name="Group unknown faces").click()
    groups = choir.locator(".unknown-group")
    expect(groups).to_have_count(2)
    collins, child = groups.nth(0), groups.nth(1)
    expect(collins.locator(".unknown-portrait")).to_have_count(2)
    expect(collins.locator("canvas, img, svg").first).to_be_visible()
    expect(collins.locator(".unknown-mark")).to_have_count(0)
    expect(child.locator(".unknown-mark")).to_have_count(1)
    expect(child).to_contain_text("1 face is not enrolled: it looks like a child")
    choir.locator("#unknown").scroll_into_view_if_needed()
    choir.screenshot(path=tmp_path / "unknown.png", full_page=True)

    child.get_by_placeholder("Who is it?").fill("Grace")
    child.get_by_role("button", name="Enrol", exact=True).click()
    expect(choir.get_by_text("These faces are hard to recognise")).to_be_visible()
    assert not EnrolledFace.objects.exists()
    child.get_by_label("Enrol them all the same").check()
    child.get_by_role("button", name="Enrol", exact=True).click()
    expect(choir.locator(".person", has_text="Grace")).to_be_visible()
    expect(groups).to_have_count(1)

    groups.first.get_by_role("button", name="Not this person").first.click()
    expect(groups.first.locator(".unknown-portrait")).to_have_count(1)
    groups.first.get_by_placeholder("Who is it?").fill("Eileen")
    groups.first.get_by_role("button", name="Enrol", exact=True).click()
    expect(choir.locator(".person", has_text="Eileen")).to_be_visible()
    expect(groups).to_have_count(0)
    assert sorted(EnrolledFace.objects.values_list("subject", flat=True)) == ["Eileen", "Grace"]
