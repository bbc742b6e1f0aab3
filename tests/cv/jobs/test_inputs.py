"""Inputs of jobs: folders that the operator allowed, and names from clients."""

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from cv.choices import Source
from cv.jobs import inputs
from cv.jobs.errors import FolderForbidden, ItemCode
from cv.jobs.inputs import FolderInputs, InputGone, label
from cv.models import Analysis
from cv.trust.caller import Caller
from tests.jobs import made_job, work_through

pytestmark = pytest.mark.usefixtures("db")


def test_a_folder_only_where_the_operator_allowed_it(
    caller: Caller, grace_hopper: bytes, tmp_path: Path, settings: Settings
) -> None:
    allowed, secret = tmp_path / "photos", tmp_path / "secret"
    for folder in (allowed / "deep", secret):
        folder.mkdir(parents=True)
        (folder / "a.JPG").write_bytes(grace_hopper)
        (folder / "scan.pdf").write_text("not an image")
    (allowed / "link.jpg").symlink_to(secret / "a.JPG")
    (allowed / "inside.jpg").symlink_to(allowed / "deep" / "a.JPG")
    (allowed / "folder").symlink_to(secret)
    (allowed / "loop.jpg").symlink_to(allowed / "loop.jpg")
    with pytest.raises(FolderForbidden):
        made_job(caller, FolderInputs(str(allowed)))
    settings.XCLOUD_JOB_FOLDERS = [allowed]
    outside = [secret, allowed / "folder", allowed / ".." / "secret", allowed / "missing", Path("photos"), Path("/")]
    for folder in outside:
        with pytest.raises(FolderForbidden):
            made_job(caller, FolderInputs(str(folder)))
    job = made_job(caller, FolderInputs(str(allowed)))
    work_through()
    found = {item.name: item.error_code for item in job.items.all()}
    assert found == {
        "deep/a.JPG": "",
        "inside.jpg": "",
        "link.jpg": ItemCode.FOLDER_FORBIDDEN,
        "loop.jpg": ItemCode.NOT_FOUND,
    }
    assert set(Analysis.objects.values_list("source", flat=True)) == {Source.FOLDER}
    assert (allowed / "deep" / "a.JPG").exists()


def test_a_folder_that_becomes_a_link_between_check_and_read_leads_nowhere(tmp_path: Path) -> None:
    allowed, secret = tmp_path / "photos", tmp_path / "secret"
    for folder in (allowed / "deep", secret):
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(folder.name.encode())

    def allow_then_swap(resolved: Path) -> bool:
        (allowed / "deep").rename(tmp_path / "away")
        (allowed / "deep").symlink_to(secret)
        return True

    assert inputs._read(allowed / "deep" / "a.jpg") == b"deep"
    with pytest.raises(InputGone, match="Not a directory"):
        inputs._read(allowed / "deep" / "a.jpg", allow_then_swap)


def test_a_pipe_is_no_file_and_nothing_waits_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(InputGone, match="not a file"):
        inputs._read(tmp_path / "a.jpg")


def test_labels_keep_the_end_of_a_long_name_and_nothing_unprintable() -> None:
    assert label("a" * 600 + ".jpg") == "a" * 496 + ".jpg"
    assert label("a\x00b\nc\ud800.jpg") == "a�b�c?.jpg"
