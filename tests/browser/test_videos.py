"""A video in the browser: uploaded among the jobs, watched, played, and gone through by its stills."""

from itertools import chain
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cv.models import Job
from cv.services import job_cancel
from tests.browser.test_everyone import faults
from tests.clips import encode_clip, encode_sound, moving_frames, portrait
from tests.jobs import work_through


@pytest.fixture
def jobs(start: Page, live_server: LiveServer) -> Page:
    start.goto(f"{live_server.url}/jobs/")
    start.get_by_role("heading", name="Jobs").wait_for()
    return start


def send(jobs: Page, file: Path) -> None:
    jobs.get_by_label("A ZIP or TAR with photos, or a video").set_input_files(file)
    jobs.get_by_label("Keep the pictures").check()
    jobs.get_by_role("button", name="Start the job").click()
    jobs.locator(".job").get_by_role("link", name=file.name).click()


def test_a_video_shows_its_people_on_a_timeline_that_plays(jobs: Page, tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    scenes = (moving_frames(portrait(name), 1, 10, (480, 360)) for name in ("astronaut", "hopper"))
    file.write_bytes(encode_clip(chain(*scenes), fps=10, preset="ultrafast"))
    send(jobs, file)
    expect(jobs.locator("#status")).to_have_text("The video waits for its turn.")

    work_through()
    expect(jobs.locator("#status")).to_have_text("2 people in 0:02.")
    rows = jobs.locator(".timeline-row")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("happy")
    box, other = jobs.locator(".screen-box").all()
    expect(box).to_be_visible()
    expect(other).to_be_hidden()
    assert faults(jobs) == []

    # A still leads to its moment: that of the second person is in the second scene.
    jobs.locator(".still").last.click()
    expect(other).to_be_visible()
    expect(box).to_be_hidden()
    assert float(jobs.get_by_label("Time", exact=True).input_value()) >= 1
    assert (
        jobs.locator("img.screen-picture").evaluate("picture => picture.decode().then(() => picture.naturalWidth)")
        == 320
    )

    jobs.get_by_label("Time", exact=True).fill("0")
    jobs.get_by_role("button", name="Play", exact=True).click()
    expect(jobs.get_by_role("button", name="Pause")).to_be_visible()
    expect(other).to_be_visible()
    expect(jobs.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_a_video_that_cannot_be_read_says_why(jobs: Page, tmp_path: Path) -> None:
    file = tmp_path / "sound.mp4"
    file.write_bytes(encode_sound())
    send(jobs, file)
    work_through()
    expect(jobs.locator("#status")).to_have_text(
        "The video could not be read: this file has no moving picture (no_frames)"
    )


def test_a_cancelled_video_says_so(jobs: Page, tmp_path: Path) -> None:
    file = tmp_path / "sound.mp4"
    file.write_bytes(encode_sound())
    send(jobs, file)
    expect(jobs.locator("#status")).to_have_text("The video waits for its turn.")
    job_cancel(Job.objects.get())
    expect(jobs.locator("#status")).to_have_text("Cancelled.")


def test_a_video_is_not_asked_for_small_pictures(jobs: Page) -> None:
    chips = jobs.get_by_label("Also a small picture of each face")
    expect(chips).to_be_visible()
    jobs.get_by_label("A ZIP or TAR with photos, or a video").set_input_files(
        {"name": "clip.MOV", "mimeType": "", "buffer": b"0"}
    )
    expect(chips).to_be_hidden()
    jobs.get_by_label("A ZIP or TAR with photos, or a video").set_input_files(
        {"name": "photos.zip", "mimeType": "application/zip", "buffer": b"0"}
    )
    expect(chips).to_be_visible()
