"""The start page in a real browser, on the real server and engine: from a photo to described faces."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

# The boxes of the reference MTCNN cascade, in pixels of the photos: x, y, width, height.
ASTRONAUT = (180.32, 60.71, 88.08, 111.46)
GRACE_HOPPER_IN_GROUP = (683.94, 111.91, 181.97, 217.3)
TOLERANCE_PX = 8


def choose(page: Page, *photos: Path) -> None:
    page.get_by_label("Choose photos").set_input_files(photos)


def box_in_photo(page: Page, number: int, photo_width: int) -> tuple[float, float, float, float]:
    """The face's box on the screen, in the photo's pixels."""
    box = page.get_by_role("button", name=f"Face {number}: go to its card").bounding_box()
    stage = page.locator(".stage-photo").bounding_box()
    assert box is not None
    assert stage is not None
    zoom = stage["width"] / photo_width
    left, top = box["x"] - stage["x"], box["y"] - stage["y"]
    return left / zoom, top / zoom, box["width"] / zoom, box["height"] / zoom


def card(page: Page, number: int) -> Locator:
    return page.locator(f"article#face-{number}")


def test_a_photo_gets_a_box_where_its_face_is(start: Page, astronaut_jpeg: Path) -> None:
    choose(start, astronaut_jpeg)
    expect(start.locator(".face-box")).to_have_count(1)
    assert box_in_photo(start, 1, photo_width=512) == pytest.approx(ASTRONAUT, abs=TOLERANCE_PX)


def test_a_turned_camera_photo_is_boxed_as_it_is_shown(start: Page, astronaut: bytes, tmp_path: Path) -> None:
    on_its_side = Image.open(io.BytesIO(astronaut)).convert("RGB").transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn by 90° clockwise to see it upright.
    on_its_side.save(tmp_path / "turned.jpg", quality=95, exif=exif)
    choose(start, tmp_path / "turned.jpg")
    expect(start.locator(".face-box")).to_have_count(1)
    assert box_in_photo(start, 1, photo_width=512) == pytest.approx(ASTRONAUT, abs=TOLERANCE_PX)


# Where Pillow would have to put the upright photo for each orientation, so that it is upright again.
LAID = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
# The colour of a point, in shares of the photo's width and height, as the page shows it.
COLOUR_AT = """([x, y]) => {
  const photo = document.querySelector(".stage-photo");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [photo.naturalWidth, photo.naturalHeight];
  canvas.getContext("2d").drawImage(photo, 0, 0);
  return [...canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3);
}"""


@pytest.mark.parametrize("orientation", LAID)
def test_a_turned_webp_is_shown_and_boxed_upright(
    start: Page, astronaut: bytes, tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = Image.open(io.BytesIO(astronaut)).convert("RGB")
    upright.transpose(LAID[orientation]).save(tmp_path / "turned.webp", quality=95, exif=exif)
    choose(start, tmp_path / "turned.webp")
    expect(start.locator(".face-box")).to_have_count(1)
    assert box_in_photo(start, 1, photo_width=512) == pytest.approx(ASTRONAUT, abs=TOLERANCE_PX)
    # A square photo has its box at the same place whichever way it lies on the page: its pixels say which.
    for point in ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9), (0.1, 0.6)):
        shown = start.evaluate(COLOUR_AT, point)
        wanted = upright.getpixel((int(point[0] * 512), int(point[1] * 512)))
        assert shown == pytest.approx(wanted, abs=25)


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_an_animation_is_shown_as_the_frame_that_is_described(
    start: Page, astronaut: bytes, tmp_path: Path, kind: str
) -> None:
    first = Image.open(io.BytesIO(astronaut)).convert("RGB")
    # The second frame is black, and stays for ten minutes.
    frames = [Image.new("RGB", first.size)]
    first.save(tmp_path / f"moving.{kind}", save_all=True, append_images=frames, duration=[50, 600_000])
    choose(start, tmp_path / f"moving.{kind}")
    expect(start.locator(".face-box")).to_have_count(1)
    start.wait_for_timeout(300)
    shown = Image.open(io.BytesIO(start.locator(".stage-photo").screenshot()))
    assert np.asarray(shown.convert("L")).mean() > np.asarray(first.convert("L")).mean() / 2


def test_a_photo_that_the_browser_cannot_show_is_shown_as_the_servers_preview(
    start: Page, astronaut: bytes, tmp_path: Path
) -> None:
    Image.open(io.BytesIO(astronaut)).save(tmp_path / "photo.tiff")
    choose(start, tmp_path / "photo.tiff")
    expect(start.locator(".face-box")).to_have_count(1)
    expect(start.locator(".stage-photo")).to_be_visible()
    assert box_in_photo(start, 1, photo_width=512) == pytest.approx(ASTRONAUT, abs=TOLERANCE_PX)
    assert start.locator(".thumb-photo").evaluate("(photo) => photo.naturalWidth") == 512


def test_a_card_describes_the_face(start: Page, astronaut_jpeg: Path) -> None:
    choose(start, astronaut_jpeg)
    for title in ("Age", "Beauty", "Gender", "Race", "Expression"):
        expect(card(start, 1).get_by_role("heading", name=title)).to_be_visible()
    bars = card(start, 1).locator(".bars li")
    expect(bars).to_have_count(2 + 5 + 7)
    age = card(start, 1).get_by_role("img", name=re.compile(r"^Age \d+ years, likely between \d+ and \d+$"))
    expect(age).to_be_visible()
    beauty = card(start, 1).get_by_role("img", name=re.compile(r"^Beauty \d\.\d of 10, likely between"))
    expect(beauty).to_be_visible()
    expect(start.locator("#status")).to_have_text("1 face found.")


def test_every_face_of_a_group_is_boxed_and_its_card_lights_its_box(start: Page, group_jpeg: Path) -> None:
    choose(start, group_jpeg)
    expect(start.locator(".face-box")).to_have_count(2)
    # The larger face comes first.
    assert box_in_photo(start, 1, photo_width=1024) == pytest.approx(GRACE_HOPPER_IN_GROUP, abs=3 * TOLERANCE_PX)
    assert box_in_photo(start, 2, photo_width=1024) == pytest.approx(ASTRONAUT, abs=TOLERANCE_PX)

    lit = re.compile(r"\bis-lit\b")
    boxes = start.locator(".face-box")
    card(start, 2).hover()
    expect(boxes.nth(1)).to_have_class(lit)
    expect(boxes.nth(0)).not_to_have_class(lit)
    boxes.nth(0).hover()
    expect(card(start, 1)).to_have_class(lit)
    expect(card(start, 2)).not_to_have_class(lit)


def test_the_page_works_by_keyboard_alone(start: Page, group_jpeg: Path) -> None:
    start.locator("body").press("Tab")
    focus = start.locator(":focus")
    expect(focus).to_have_text("Skip to the content")
    for _ in range(12):
        if focus.get_attribute("id") == "file":
            break
        start.keyboard.press("Tab")
    expect(start.get_by_label("Choose photos")).to_be_focused()
    start.keyboard.press("Tab")
    expect(start.get_by_role("button", name="Take a photo with the camera")).to_be_focused()
    for name in (
        "Address of a photo",
        "Analyze this address",
        "A portrait",
        "An older face",
        "A group",
        "Keep the answers",
    ):
        start.keyboard.press("Tab")
        expect(focus).to_have_accessible_name(re.compile(name))

    choose(start, group_jpeg)
    expect(start.get_by_role("heading", name=re.compile("^2 faces"))).to_be_focused()
    box = start.get_by_role("button", name="Face 2: go to its card")
    box.focus()
    expect(card(start, 2)).to_have_class(re.compile(r"\bis-lit\b"))
    for name in ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth"):
        start.keyboard.press("Tab")
        expect(focus).to_have_attribute("aria-label", re.compile(f"^{name} of face 2, at "))
    box.focus()
    start.keyboard.press("Enter")
    expect(card(start, 2)).to_be_focused()


def test_a_photo_can_be_pasted_and_dropped(start: Page, astronaut_jpeg: Path) -> None:
    give = """async ([kind, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "photo.jpg", { type: "image/jpeg" }));
        const event = kind === "paste"
            ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
            : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
    }"""
    for kind in ("paste", "drop"):
        start.reload()
        start.evaluate(give, [kind, list(astronaut_jpeg.read_bytes())])
        expect(start.locator(".face-box")).to_have_count(1)


def test_a_photo_without_a_face_says_so(start: Page, empty_scene: bytes, tmp_path: Path) -> None:
    photo = tmp_path / "grey.jpg"
    photo.write_bytes(empty_scene)
    choose(start, photo)
    expect(start.get_by_text("No face was found")).to_be_visible()
