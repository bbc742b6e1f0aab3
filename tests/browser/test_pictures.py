"""The page from which pictures go out: faces hidden, all at first and then those pressed; portraits; both saved."""

import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer


def test_faces_are_hidden_shown_again_and_saved(start: Page, group_jpeg: Path, tmp_path: Path) -> None:
    start.get_by_role("link", name="Edit", exact=True).click()
    start.locator("#file").set_input_files(group_jpeg)
    expect(start.locator("#status")).to_have_text("2 of 2 faces hidden.")
    start.get_by_text("Bar", exact=True).click()
    start.get_by_role("button", name="Face 2").click()
    expect(start.locator("#status")).to_have_text("1 of 2 faces hidden.")
    expect(start.get_by_role("button", name="Face 2")).to_have_attribute("aria-pressed", "false")
    expect(start.locator("#work")).not_to_have_attribute("aria-busy", "true")
    with start.expect_download() as saving:
        start.get_by_role("link", name="Save the picture").click()
    assert saving.value.suggested_filename == "group-hidden.jpg"
    file = tmp_path / "hidden.jpg"
    saving.value.save_as(file)
    picture = Image.open(file)
    # Hopper, the larger face, is hidden; Collins is not.
    assert (picture.size, picture.getpixel((774, 190))) == ((1024, 600), (0, 0, 0))
    assert sum(picture.getpixel((225, 129))) > 300


def test_a_photo_without_faces_says_so(start: Page, tmp_path: Path) -> None:
    grey = tmp_path / "road.jpg"
    Image.new("RGB", (320, 240), "grey").save(grey)
    start.get_by_role("link", name="Edit", exact=True).click()
    start.locator("#file").set_input_files(grey)
    expect(start.get_by_role("alert")).to_contain_text("No face was found")
    expect(start.get_by_role("link", name="Save the picture")).to_have_count(0)
    start.get_by_role("button", name=re.compile("another photo")).click()
    expect(start.locator("#drop")).to_be_visible()


def test_a_portrait_goes_out_of_focus_and_gets_a_colour(start: Page, astronaut_jpeg: Path, tmp_path: Path) -> None:
    start.get_by_role("link", name="Edit", exact=True).click()
    start.locator("#file").set_input_files(astronaut_jpeg)
    expect(start.locator("#status")).to_have_text("1 of 1 face hidden.")
    start.get_by_role("tab", name="Portrait").click()
    expect(start.locator("#status")).to_contain_text("People are sharp")
    expect(start.locator(".face-box:visible")).to_have_count(0)
    expect(start.get_by_label("How far out of focus")).to_have_value("50")
    start.get_by_text("One colour", exact=True).click()
    expect(start.get_by_label("Colour of the background")).to_have_value("#ffffff")
    expect(start.locator("#work")).not_to_have_attribute("aria-busy", "true")
    with start.expect_download() as saving:
        start.get_by_role("link", name="Save the picture").click()
    assert saving.value.suggested_filename == "astronaut-portrait.jpg"
    file = tmp_path / "portrait.jpg"
    saving.value.save_as(file)
    assert Image.open(file).getpixel((500, 20)) == (255, 255, 255)


def test_a_photo_that_is_chosen_before_the_script_is_there_is_taken(
    start: Page, live_server: LiveServer, astronaut_jpeg: Path
) -> None:
    waiting: list[Route] = []
    start.route("**/js/one_photo*.js", lambda route: waiting.append(route))
    start.goto(f"{live_server.url}/pictures/", wait_until="commit")
    start.locator("#file").set_input_files(astronaut_jpeg)
    while not waiting:
        start.wait_for_timeout(50)
    waiting[0].continue_()
    expect(start.locator("#status")).to_have_text("1 of 1 face hidden.")
