"""Where photos come from, and what is kept of them: samples, addresses, folders, answers only."""

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cv.models import Analysis
from tests.browser.test_upload import choose
from tests.site import Site

# A folder as Chromium hands it over when it is dropped: a directory with a photo, a text file and a hidden file.
DROP_FOLDER = """async (photo) => {
    const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
    const file = (name, type) => ({ isDirectory: false, file: (done) => done(new File([bytes], name, { type })) });
    const folder = (...children) => ({
        isDirectory: true,
        createReader: () => ({ readEntries: (done) => done(children.splice(0, 2)) }),
    });
    const inner = folder(file("two.jpg", "image/jpeg"), file("notes.txt", "text/plain"), file(".DS_Store", ""));
    const event = new DragEvent("drop", { bubbles: true, cancelable: true });
    Object.defineProperty(event, "dataTransfer", { value: {
        files: [], items: [{ webkitGetAsEntry: () => folder(file("one.jpg", "image/jpeg"), inner) }],
    } });
    document.body.dispatchEvent(event);
}"""


def test_a_sample_is_described_after_one_click(start: Page) -> None:
    start.get_by_role("button", name="A group").click()
    expect(start.locator(".face-box")).to_have_count(4)
    start.get_by_role("button", name="group.jpg: 4 faces").wait_for()


def test_with_answer_only_nothing_is_stored(start: Page, astronaut_jpeg: Path) -> None:
    start.get_by_label("Answer only").check()
    expect(start.get_by_label("Subject")).to_be_hidden()
    choose(start, astronaut_jpeg)
    expect(start.locator(".face-box")).to_have_count(1)
    expect(start.get_by_text("Nothing was kept.")).to_be_visible()
    expect(start.get_by_role("link", name="Open its page")).to_have_count(0)
    start.get_by_role("tab", name="API").click()
    expect(start.locator(".recipe-call")).to_contain_text("-F store.result=false")
    assert not Analysis.objects.exists()


def test_a_subject_is_stored_with_the_answers(start: Page, astronaut_jpeg: Path) -> None:
    start.get_by_label("Subject").fill("Eileen")
    choose(start, astronaut_jpeg)
    expect(start.locator(".face-box")).to_have_count(1)
    assert Analysis.objects.get().subject == "Eileen"


def test_the_photo_at_an_address_is_shown_and_described(start: Page, site: Site) -> None:
    start.get_by_label("Address of a photo").fill(f"{site.address}/photo.jpg")
    start.get_by_role("button", name="Analyze this address").click()
    expect(start.locator(".face-box")).to_have_count(1)
    expect(start.locator(".stage-photo")).to_be_visible()
    assert Analysis.objects.get().source == "url"


@pytest.mark.parametrize("name", ["photo.jpg", "100%.jpg"])
def test_an_address_without_a_photo_is_explained(start: Page, name: str) -> None:
    start.get_by_label("Address of a photo").fill(f"http://127.0.0.1/{name}")
    start.get_by_role("button", name="Analyze this address").click()
    expect(start.get_by_role("alert")).to_contain_text("This address is not allowed")
    expect(start.get_by_role("button", name="Try again")).to_have_count(0)


def test_a_dropped_folder_gives_its_photos(start: Page, astronaut_jpeg: Path) -> None:
    start.evaluate(DROP_FOLDER, base64.b64encode(astronaut_jpeg.read_bytes()).decode())
    expect(start.locator(".thumb.is-done")).to_have_count(2)
    expect(start.get_by_role("button", name="one.jpg: 1 face", exact=True)).to_be_visible()
    expect(start.get_by_role("button", name="two.jpg: 1 face", exact=True)).to_be_visible()


@pytest.mark.parametrize("count", [500, 501])
def test_500_files_at_once_are_taken_and_more_are_a_job(start: Page, count: int) -> None:
    start.route("**/api/v1/analyses", lambda route: None)
    start.evaluate(
        """(count) => {
            const data = new DataTransfer();
            for (let index = 0; index < count; index += 1) {
                data.items.add(new File(["x"], `${index}.jpg`, { type: "image/jpeg" }));
            }
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
        }""",
        count,
    )
    if count == 500:
        expect(start.locator(".thumb")).to_have_count(500)
        expect(start.locator(".thumb.is-waiting")).to_have_count(498)
    else:
        expect(start.get_by_role("alert")).to_contain_text("Put them in a ZIP and start a job")
        expect(start.get_by_role("alert").get_by_role("link", name="Start a job")).to_be_visible()
