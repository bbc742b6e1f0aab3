"""A photo with many faces: a page of one screen, tiles that open into cards, sorting, the keyboard, zoom."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from PIL import Image
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.choices import Source
from cv.engine.types import Box, Category, Estimate, FaceResult, ImageInfo, Landmarks, Picture
from cv.services import AnalysisRequest, StoreOptions, analysis_save
from cv.trust.caller import Caller
from tests.factories import ALL_ATTRIBUTES, analysis_result, face_result

COLUMNS, CELL, COUNT = 10, 100, 64
WIDTH, HEIGHT = COLUMNS * CELL, 7 * CELL


def face(index: int) -> FaceResult:
    """A face of 60 px in its cell; the first touches the upper left corner. Ages fall from 72 to 9."""
    x, y = (index % COLUMNS) * CELL + (20 if index else -5), (index // COLUMNS) * CELL + (20 if index else -5)
    points = [(x + 20, y + 22), (x + 40, y + 22), (x + 30, y + 34), (x + 22, y + 44), (x + 38, y + 44)]
    age = 72.0 - index
    female = 0.99 if index else 0.6
    return face_result(
        index,
        box=Box(x, y, 60, 60),
        landmarks=Landmarks(*points),
        attributes={
            **ALL_ATTRIBUTES,
            "age": Estimate(age, (age - 4, age + 4), coverage=0.85),
            "gender": Category("female", {"female": female, "male": 1 - female}),
        },
    )


@pytest.fixture
def many(start: Page, live_server: LiveServer, user: User) -> Page:
    file = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 150)).save(file, "JPEG")
    result = replace(
        analysis_result(*map(face, range(COUNT))),
        image=ImageInfo(WIDTH, HEIGHT, "ab" * 32),
        picture=Picture(".jpg", file.getvalue()),
    )
    row = analysis_save(result, AnalysisRequest(b"", Source.UPLOAD, store=StoreOptions(image=True)), Caller(user=user))
    start.goto(f"{live_server.url}/analyses/{row.pk}/")
    expect(start.locator(".tile")).to_have_count(COUNT)
    return start


@pytest.mark.parametrize("width", [360, 1280])
def test_64_faces_take_two_screens_at_most_and_no_more_than_the_visible_tiles(many: Page, width: int) -> None:
    many.set_viewport_size({"width": width, "height": 900})
    many.reload()
    expect(many.locator(".tile-line").first).to_be_visible()
    assert many.evaluate("document.documentElement.scrollHeight") < 1800
    assert many.evaluate("document.documentElement.scrollWidth") <= width
    assert many.locator(".tile-line").count() < COUNT
    many.locator(".tiles").evaluate("(tiles) => tiles.scrollTo(0, tiles.scrollHeight)")
    expect(many.locator(".tile").last.locator(".tile-line")).to_contain_text("64 Female, about 9, happy")


def test_no_tag_is_cut_off_and_landmarks_show_only_where_the_pointer_is(many: Page) -> None:
    marks = many.locator(".face-mark")
    expect(many.locator(".landmark")).to_have_count(0)
    stage = many.locator(".stage").bounding_box()
    assert stage is not None
    for index in (0, COLUMNS - 1, COUNT - 1):
        marks.nth(index).hover()
        tag = marks.nth(index).locator(".face-number").bounding_box()
        assert tag is not None
        assert stage["x"] - 3 <= tag["x"] <= stage["x"] + stage["width"] - tag["width"] + 3
        assert stage["y"] - 3 <= tag["y"] <= stage["y"] + stage["height"] - tag["height"] + 3
        expect(many.locator(".landmark")).to_have_count(5)


def test_a_tile_opens_into_its_card_and_escape_goes_back(many: Page) -> None:
    line = many.locator(".tile").nth(1).locator(".tile-line")
    line.focus()
    many.keyboard.press("ArrowRight")
    many.keyboard.press("Enter")
    expect(many.locator("article#face-3")).to_be_focused()
    expect(many.locator(".card")).to_have_count(1)
    many.keyboard.press("Escape")
    expect(many.locator(".card")).to_have_count(0)
    expect(many.locator(".tile").nth(2).locator(".tile-line")).to_be_focused()
    # Beside its landmarks, which stand on the box.
    many.get_by_role("button", name="Face 2: go to its card").click(position={"x": 4, "y": 4})
    expect(many.locator("article#face-2")).to_be_focused()


def test_the_arrow_keys_go_from_box_to_box(many: Page) -> None:
    many.get_by_role("button", name="Face 1: go to its card").focus()
    many.keyboard.press("ArrowRight")
    many.keyboard.press("ArrowRight")
    expect(many.get_by_role("button", name="Face 3: go to its card")).to_be_focused()
    assert many.locator(".face-box[tabindex='0']").count() == 1


def test_the_faces_are_sorted_by_age_and_by_how_sure_they_are(many: Page) -> None:
    many.get_by_label("Order").select_option("Youngest first")
    expect(many.locator(".tile").first).to_have_attribute("data-face", str(COUNT - 1))
    many.get_by_label("Order").select_option("Least sure first")
    expect(many.locator(".tile").first).to_have_attribute("data-face", "0")
    expect(many.locator(".tile").first).to_contain_text("1 unsure")


def test_the_photo_is_zoomed_and_moved(many: Page) -> None:
    photo = many.locator(".stage-photo")
    before = photo.bounding_box()
    assert before is not None
    many.get_by_role("button", name="Zoom in").click()
    after = photo.bounding_box()
    assert after is not None
    assert after["width"] == pytest.approx(before["width"] * 1.5, abs=1)
    many.mouse.move(before["x"] + 300, before["y"] + 200)
    many.mouse.down()
    many.mouse.move(before["x"] + 340, before["y"] + 220, steps=4)
    many.mouse.up()
    moved = photo.bounding_box()
    assert moved is not None
    assert (moved["x"] - after["x"], moved["y"] - after["y"]) == pytest.approx((40, 20), abs=2)
    many.get_by_role("button", name="Whole photo").click()
    assert photo.bounding_box() == pytest.approx(before, abs=1)


def test_the_photo_is_saved_with_its_boxes(many: Page) -> None:
    with many.expect_download() as saved:
        many.get_by_role("button", name="Photo with boxes").click()
    picture = Image.open(Path(saved.value.path())).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    # On the left edge of the twelfth face's box, and in the middle of it.
    assert min(picture.getpixel((CELL + 20, CELL + 60))) > 200  # type: ignore[type-var]
    assert picture.getpixel((CELL + 50, CELL + 60)) == pytest.approx((90, 120, 150), abs=6)
