"""Jobs in the browser: started from an archive, watched, paused, cancelled, and their results downloaded."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import APIResponse, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from cv.choices import ItemState
from cv.models import Analysis, Job
from cv.services import job_pause
from cv.trust.caller import Caller
from tests.archives import zip_of
from tests.browser.test_everyone import faults
from tests.jobs import archive, list_archives, made_job, work_through
from web.pages.jobs import JOBS_A_PAGE


@pytest.fixture
def jobs(start: Page, live_server: LiveServer) -> Page:
    start.goto(f"{live_server.url}/jobs/")
    start.get_by_role("heading", name="Jobs").wait_for()
    return start


@pytest.fixture
def zip_file(tmp_path: Path, grace_hopper: bytes, empty_scene: bytes) -> Path:
    file = tmp_path / "photos.zip"
    file.write_bytes(zip_of([("hopper.jpg", grace_hopper), ("empty.jpg", empty_scene), ("notes.jpg", b"no photo")]))
    return file


def test_an_archive_becomes_a_job_that_is_watched_to_its_end(jobs: Page, zip_file: Path) -> None:
    expect(jobs.get_by_text("No jobs yet.")).to_be_visible()
    jobs.get_by_label("A ZIP or TAR with photos").set_input_files(zip_file)
    jobs.get_by_label("Subject").fill("archive of 1984")
    jobs.get_by_role("button", name="Start the job").click()
    row = jobs.locator(".job")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Reading the archive")
    expect(row).to_contain_text("0 images found so far")
    expect(row).to_contain_text("archive of 1984")
    expect(jobs.get_by_text("No jobs yet.")).to_have_count(0)

    # The page updates without a reload.
    list_archives()
    expect(row).to_contain_text("Waiting")
    expect(row).to_contain_text("0 of 3 images")

    assert work_through() == 3
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text("3 of 3 images")
    assert jobs.locator(".job progress").evaluate("bar => bar.value / bar.max") == 1
    expect(jobs.locator("#status")).to_contain_text("Done")
    assert faults(jobs) == []

    with jobs.expect_download() as saved:
        jobs.get_by_role("link", name="JSON Lines").click()
    lines = [json.loads(line) for line in Path(saved.value.path()).read_text().splitlines()]
    assert [line["name"] for line in lines] == ["hopper.jpg", "empty.jpg", "notes.jpg"]
    assert len(lines[0]["analysis"]["faces"]) == 1

    jobs.get_by_role("link", name="1 failed").click()
    items = jobs.locator(".items tbody tr")
    expect(items).to_have_count(1)
    expect(items).to_contain_text("unsupported_media_type")
    assert faults(jobs) == []
    jobs.get_by_role("link", name="All images").click()
    expect(items).to_have_count(3)
    items.first.get_by_role("link", name="1 face").click()
    expect(jobs.get_by_role("heading", name="1 face")).to_be_visible()


def test_a_job_is_paused_goes_on_and_is_cancelled_once_asked(
    jobs: Page, live_server: LiveServer, user: User, empty_scene: bytes
) -> None:
    job = made_job(Caller(user=user), archive([("a.jpg", empty_scene), ("b.jpg", empty_scene)]))
    jobs.reload()
    row = jobs.locator(".job")
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("Paused")
    # The focus is not lost with the button.
    expect(row.get_by_role("button", name="Resume")).to_be_focused()
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("Waiting")
    row.get_by_role("button", name="Cancel").click()
    jobs.get_by_role("dialog").get_by_role("button", name="Keep it running").click()
    job.refresh_from_db()
    assert job.state == "pending"
    row.get_by_role("button", name="Cancel").click()
    jobs.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(row).to_contain_text("Cancelled")
    assert faults(jobs) == []


def test_no_job_vanishes_if_there_are_more_than_a_page(
    jobs: Page, user: User, empty_scene: bytes, zip_file: Path
) -> None:
    made = [made_job(Caller(user=user), archive([("a.jpg", empty_scene)])) for _ in range(JOBS_A_PAGE)]
    jobs.reload()
    jobs.get_by_label("A ZIP or TAR with photos").set_input_files(zip_file)
    jobs.get_by_role("button", name="Start the job").click()
    rows = jobs.locator(".job")
    expect(rows).to_have_count(JOBS_A_PAGE + 1)
    job_pause(made[0])
    expect(rows.last).to_contain_text("Paused")
    expect(rows).to_have_count(JOBS_A_PAGE + 1)


def test_the_focus_stays_on_the_used_control_during_updates(jobs: Page, user: User, empty_scene: bytes) -> None:
    job = made_job(Caller(user=user), archive([(f"{number}.jpg", empty_scene) for number in range(3)]))

    def fail(index: int) -> None:
        job.items.filter(index=index).update(state=ItemState.FAILED, due_at=None)

    jobs.reload()
    row = jobs.locator(".job")
    row.get_by_role("button", name="Cancel").focus()
    fail(0)
    expect(row.get_by_role("link", name="CSV")).to_be_visible()
    expect(row.get_by_role("button", name="Cancel")).to_be_focused()
    row.get_by_role("link", name="1 failed").focus()
    fail(1)
    expect(row.get_by_role("link", name="2 failed")).to_be_focused()


def test_a_late_response_does_not_undo_a_later_one(jobs: Page, user: User, empty_scene: bytes) -> None:
    made_job(Caller(user=user), archive([("a.jpg", empty_scene)]))
    asked: list[tuple[Route, APIResponse]] = []

    def answer(route: Route) -> None:
        """Answers the second request at once, the first when this test says so, the others never."""
        asked.append((route, route.fetch()))
        if len(asked) == 2:
            route.fulfill(response=asked[1][1])

    jobs.route("**/jobs/rows*", answer)
    jobs.reload()
    row = jobs.locator(".job")
    while not asked:
        jobs.wait_for_timeout(100)
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("Paused")
    route, late = asked[0]
    with jobs.expect_request("**/jobs/rows*"):
        route.fulfill(response=late)
    assert "Paused" in row.inner_text()
    jobs.unroute_all(behavior="ignoreErrors")


def test_times_are_in_the_visitors_zone_on_screen_and_in_labels(jobs: Page, user: User, empty_scene: bytes) -> None:
    made_job(Caller(user=user), archive([("a.jpg", empty_scene)]))
    work_through()
    Job.objects.update(created_at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    jobs.reload()
    expect(jobs.get_by_role("button", name="Delete the job 2 Mar 2026, 01:30", exact=True)).to_be_visible()
    jobs.get_by_role("link", name="2 Mar 2026, 01:30").click()
    expect(jobs.get_by_role("heading", name="Job of 2 Mar 2026, 01:30")).to_be_visible()


def test_a_job_is_deleted_with_its_analyses_if_that_is_ticked(jobs: Page, user: User, empty_scene: bytes) -> None:
    made_job(Caller(user=user), archive([("a.jpg", empty_scene)]))
    work_through()
    jobs.reload()
    assert Analysis.objects.count() == 1
    jobs.get_by_role("button", name="Delete the job").click()
    jobs.get_by_label("Also delete the analyses").check()
    jobs.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(jobs.locator(".job")).to_have_count(0)
    assert (Job.objects.count(), Analysis.objects.count()) == (0, 0)


def test_a_file_that_is_not_an_archive_is_refused_in_plain_words(jobs: Page, astronaut_jpeg: Path) -> None:
    jobs.get_by_label("A ZIP or TAR with photos").set_input_files(astronaut_jpeg)
    jobs.get_by_role("button", name="Start the job").click()
    expect(jobs.get_by_text("This file is neither an archive nor a video")).to_be_visible()
    expect(jobs.get_by_role("button", name="Start the job")).to_be_enabled()
    assert not Job.objects.exists()
