"""Several photos at once: the strip, exports, side by side, the filter, the camera, and the API tab."""

import csv
import io
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.models import Analysis, ApiKey
from tests.browser.test_upload import TOLERANCE_PX, box_in_photo, card, choose

THREE_BOXES = {  # by Eileen Collins's place in the picture: x, y
    1: (171.94, 111.91),
    2: (512 + 180.32, 60.71),
}


def test_three_pasted_faces_get_three_boxes_where_they_are(start: Page, three_jpeg: Path) -> None:
    choose(start, three_jpeg)
    expect(start.locator(".face-box")).to_have_count(3)
    for number, (x, y) in THREE_BOXES.items():
        box = box_in_photo(start, number, photo_width=1300)
        assert box[:2] == pytest.approx((x, y), abs=3 * TOLERANCE_PX)
    third = box_in_photo(start, 3, photo_width=1300)
    assert 1034 + 100 < third[0] < 1034 + 200
    assert 100 < third[1] < 200


def test_several_photos_are_described_each_with_its_own_thumbnail(
    start: Page, astronaut_jpeg: Path, group_jpeg: Path, three_jpeg: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    choose(start, astronaut_jpeg, text, group_jpeg, three_jpeg)
    thumbs = start.locator(".thumb")
    expect(thumbs).to_have_count(4)
    expect(start.get_by_role("button", name="astronaut.jpg: 1 face", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(start.get_by_role("button", name="group.jpg: 2 faces")).to_be_visible()
    start.get_by_role("button", name="three.jpg: 3 faces").click()
    expect(start.locator(".face-box")).to_have_count(3)
    start.get_by_role("button", name="notes.jpg: This file is not a supported picture").click()
    expect(start.get_by_role("button", name="Try again")).to_have_count(0)
    start.get_by_role("button", name="Remove").click()
    expect(thumbs).to_have_count(3)
    assert Analysis.objects.count() == 3


def test_another_photo_is_added_by_keyboard(start: Page, astronaut_jpeg: Path, group_jpeg: Path) -> None:
    choose(start, astronaut_jpeg)
    start.locator(".thumb.is-done").wait_for()
    with start.expect_file_chooser() as chooser:
        start.get_by_role("button", name="Add photos").press("Enter")
    chooser.value.set_files(group_jpeg)
    expect(start.get_by_role("button", name="group.jpg: 2 faces")).to_be_visible()


def test_a_photo_that_fails_among_others_is_named(start: Page, astronaut_jpeg: Path, tmp_path: Path) -> None:
    choose(start, astronaut_jpeg)
    start.locator(".thumb.is-done").wait_for()
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    choose(start, text)
    expect(start.locator("#status")).to_have_text("notes.jpg: This file is not a supported picture")


def test_the_focus_stays_in_the_last_analyses_when_one_more_comes(
    start: Page, astronaut_jpeg: Path, group_jpeg: Path
) -> None:
    choose(start, astronaut_jpeg)
    rows = start.locator(".recent-row")
    expect(rows).to_have_count(1)
    rows.get_by_role("button").focus()
    choose(start, group_jpeg)
    expect(rows).to_have_count(2)
    expect(rows.last.get_by_role("button")).to_be_focused()


def test_photos_are_exported_as_json_and_csv(start: Page, astronaut_jpeg: Path, three_jpeg: Path) -> None:
    choose(start, astronaut_jpeg, three_jpeg)
    start.get_by_role("button", name="three.jpg: 3 faces").wait_for()
    start.locator(".thumb.is-done").nth(1).wait_for()
    with start.expect_download() as saved:
        start.get_by_role("button", name="JSON", exact=True).click()
    one = json.loads(Path(saved.value.path()).read_text())
    assert one["id"] in {str(analysis.pk) for analysis in Analysis.objects.all()}
    with start.expect_download() as saved:
        start.get_by_role("button", name="All as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8-sig"))))
    assert [row["name"] for row in rows] == ["astronaut.jpg"] + ["three.jpg"] * 3
    assert [row["face"] for row in rows] == ["0", "0", "1", "2"]
    assert float(rows[0]["age_low"]) <= float(rows[0]["age"]) <= float(rows[0]["age_high"])
    assert rows[0]["gender"] in {"female", "male"}


def test_two_photos_are_shown_side_by_side(start: Page, astronaut_jpeg: Path, group_jpeg: Path) -> None:
    choose(start, astronaut_jpeg, group_jpeg)
    start.get_by_role("button", name="Side by side").click()
    left, right = start.get_by_label("Left photo"), start.get_by_label("Right photo")
    expect(start.locator(".pair .face-box")).to_have_count(3)
    expect(left.first).to_be_visible()
    expect(right.first).to_be_visible()
    ids = start.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


def test_many_faces_are_filtered(start: Page, astronaut: bytes, grace_hopper: bytes, tmp_path: Path) -> None:
    photo = Image.new("RGB", (2048, 600), (127, 127, 127))
    for place, data in enumerate((astronaut, grace_hopper, astronaut, grace_hopper)):
        photo.paste(Image.open(io.BytesIO(data)), (512 * place, 0))
    photo.save(tmp_path / "many.jpg", quality=95)
    choose(start, tmp_path / "many.jpg")
    expect(start.locator(".tile")).to_have_count(4)
    ages = [face.age for face in Analysis.objects.get().faces.all() if face.age is not None]
    between = (min(ages) + max(ages)) / 2
    start.get_by_label("Age from").fill(str(round(between)))
    shown = sum(age >= round(between) for age in ages)
    expect(start.get_by_text(f"{shown} of 4 faces shown")).to_be_visible()
    expect(start.locator(".tile:visible")).to_have_count(shown)
    expect(start.locator(".face-mark:visible")).to_have_count(shown)


def test_the_camera_takes_a_photo(start: Page) -> None:
    start.get_by_role("button", name="Take a photo with the camera").click()
    start.get_by_role("button", name="Take the photo").click()
    expect(start.get_by_text("No face was found")).to_be_visible()
    assert Analysis.objects.get().image_width > 0


def test_the_camera_pressed_twice_opens_once_and_takes_one_photo(start: Page) -> None:
    start.evaluate("""() => {
        const { mediaDevices } = navigator;
        const ask = mediaDevices.getUserMedia.bind(mediaDevices);
        window.streams = [];
        mediaDevices.getUserMedia = async (wish) => {
            const stream = await ask(wish);
            window.streams.push(stream);
            return stream;
        };
    }""")
    twice = "(button) => [1, 2].forEach(() => button.click())"
    start.get_by_role("button", name="Take a photo with the camera").evaluate(twice)
    take = start.get_by_role("button", name="Take the photo")
    expect(take).to_be_enabled()
    take.evaluate(twice)
    expect(start.get_by_text("No face was found")).to_be_visible()
    expect(start.locator(".thumb")).to_have_count(1)
    states = start.evaluate("window.streams.flatMap((stream) => stream.getTracks().map((track) => track.readyState))")
    assert states == ["ended"]


def test_the_card_shows_the_face_cut_from_the_photo(start: Page, astronaut_jpeg: Path) -> None:
    choose(start, astronaut_jpeg)
    chip = card(start, 1).get_by_role("img", name="Face 1, upright, as the model saw it")
    expect(chip).to_be_visible()
    # Skin in the middle of the face, not the grey of an empty canvas.
    red, _green, blue, opacity = chip.evaluate("(c) => [...c.getContext('2d').getImageData(75, 75, 1, 1).data]")
    assert opacity == 255
    assert red > blue + 20


def test_the_api_tab_shows_a_call_that_gives_the_same_result(
    start: Page, live_server: LiveServer, astronaut_jpeg: Path, key: tuple[ApiKey, str]
) -> None:
    choose(start, astronaut_jpeg)
    start.get_by_role("tab", name="API").click()
    call = start.locator(".recipe-call").inner_text()
    assert re.search(r"Bearer \$KEY", call)
    command = shlex.split(call.replace("\\\n", " ").replace("$KEY", key[1]))
    answer = subprocess.run([*command, "--silent"], cwd=astronaut_jpeg.parent, capture_output=True, check=True)
    shown = json.loads(start.locator(".recipe-answer").inner_text())
    assert json.loads(answer.stdout)["faces"] == shown["faces"]
