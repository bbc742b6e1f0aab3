"""`manage.py analyze_folder`: one complete table of a folder, despite interruptions."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from api.management.commands.analyze_folder import Note
from cv.jobs.inputs import LocalInputs
from cv.models import Analysis, Job
from cv.services import JobRequest, items_claim, job_cancel, job_create
from cv.serving import engines
from cv.trust.caller import Caller
from cv.workers.worker import Task, Worker

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = 30


@pytest.fixture
def administrator(db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def photos(tmp_path: Path, grace_hopper: bytes) -> Path:
    """Two of Grace Hopper, one below the other, a broken one, and a file that is not named like a photo."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(grace_hopper)
    (folder / "sub" / "b.jpg").write_bytes(grace_hopper)
    (folder / "broken.jpg").write_bytes(grace_hopper[:5000])
    (folder / "scan.pdf").write_text("hello")
    return folder


def noted(folder: Path, out: Path) -> Note:
    """The note that the command writes first."""
    note = Note(str(uuid.uuid4()), str(folder), min_face_px=40, max_faces=100, ttl_days=None, subject="")
    out.with_name(f"{out.name}.job").write_text(json.dumps(asdict(note)))
    return note


def worked(folder: Path, out: Path, owner: User) -> Job:
    """A job of an earlier call that finished all images and was killed before it wrote the table."""
    request = JobRequest(LocalInputs(folder), job_id=uuid.UUID(noted(folder, out).job))
    job = job_create(request, Caller(user=owner))
    worker = Worker(engines.served_engine(), 1)
    while claim := items_claim(10, only=job.pk):
        for item in claim.items:
            worker.work(Task(item, claim.job, Caller(user=owner), claim.lease))
    return job


def code_of(*command: object) -> int:
    with pytest.raises(SystemExit) as ended:
        call_command("analyze_folder", *map(str, command))
    return int(str(ended.value.code))


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_each_format_holds_every_image_with_its_error(
    administrator: User, photos: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"results.{kind}"
    worked(photos, out, administrator)
    assert code_of(photos, "--out", out) == 2
    said = capsys.readouterr().out
    assert "continuing: 3 of 3 images are done" in said
    assert "2 images with 2 faces analyzed, 1 failed\n  undecodable_image: 1\n" in said
    match kind:
        case "parquet":
            found = [(row["name"], row["error_code"], row["race"]) for row in pq.read_table(out).to_pylist()]
        case "csv":
            with out.open(newline="", encoding="utf-8-sig") as sheet:
                found = [(row["name"], row["error_code"], row["race"]) for row in csv.DictReader(sheet)]
        case _:
            lines = [json.loads(line) for line in out.read_text().splitlines()]
            found = [
                (
                    line["name"],
                    (line["error"] or {}).get("code", ""),
                    line["analysis"]["faces"][0]["attributes"]["race"]["label"] if line["analysis"] else None,
                )
                for line in lines
            ]
    expected = {("a.jpg", "", "white"), ("sub/b.jpg", "", "white"), ("broken.jpg", "undecodable_image", None)}
    assert {(name, code, race or None) for name, code, race in found} == expected
    assert len(found) == 3
    assert sorted(file.name for file in tmp_path.iterdir()) == ["photos", out.name]


def test_a_job_that_was_cancelled_meanwhile_is_no_success(administrator: User, photos: Path, tmp_path: Path) -> None:
    """The purge cancels a job that was not continued for XCLOUD_JOB_DAYS."""
    out = tmp_path / "results.csv"
    request = JobRequest(LocalInputs(photos), job_id=uuid.UUID(noted(photos, out).job))
    job_cancel(job_create(request, Caller(user=administrator)))
    with pytest.raises(CommandError, match="cancelled: 3 images were not analyzed"):
        call_command("analyze_folder", str(photos), "--out", str(out))
    with out.open(newline="", encoding="utf-8-sig") as sheet:
        assert [row["state"] for row in csv.DictReader(sheet)] == ["cancelled"] * 3


def test_what_is_to_be_forgotten_is_only_in_the_table(administrator: User, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    worked(photos, out, administrator)
    assert (Job.objects.count(), Analysis.objects.count()) == (1, 2)
    assert code_of(photos, "--out", out, "--forget") == 2
    assert (Job.objects.count(), Analysis.objects.count()) == (0, 0)
    assert out.exists()


def test_a_request_that_cannot_work_says_why_and_leaves_nothing(
    administrator: User, photos: Path, tmp_path: Path
) -> None:
    empty, there = tmp_path / "empty", tmp_path / "there.csv"
    empty.mkdir()
    there.write_text("somebody's work")
    for command, said in (
        ((tmp_path / "nowhere", "--out", tmp_path / "a.csv"), "is not a folder"),
        ((empty, "--out", tmp_path / "a.xlsx"), "must end in one of .parquet, .csv, .jsonl"),
        ((empty, "--out", tmp_path / "a.csv"), "the job contains no image"),
        ((empty, "--out", there), "exists already"),
        ((empty, "--out", tmp_path / "a.csv", "--user", "nobody"), "there is no user 'nobody'"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("analyze_folder", *map(str, command))
    assert sorted(tmp_path.iterdir()) == sorted([empty, there, photos])
    assert there.read_text() == "somebody's work"
    administrator.delete()
    with pytest.raises(CommandError, match="there is no administrator yet"):
        call_command("analyze_folder", str(photos), "--out", str(tmp_path / "a.csv"))


def test_another_request_does_not_take_over_what_is_not_done(administrator: User, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    note = noted(photos, out)
    with pytest.raises(CommandError, match="unfinished run"):
        call_command("analyze_folder", str(photos), "--out", str(out), "--subject", "somebody")
    assert note.same_request(replace(note, job="another"))
    out.with_name("results.csv.job").write_text("{")
    with pytest.raises(CommandError, match="not written by this command"):
        call_command("analyze_folder", str(photos), "--out", str(out))


@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="its own database is SQLite, whatever the tests' is")
def test_a_run_that_is_killed_goes_on_and_doubles_nothing(tmp_path: Path, grace_hopper: bytes) -> None:
    folder, out, database = tmp_path / "photos", tmp_path / "results.parquet", tmp_path / "db.sqlite3"
    folder.mkdir()
    for number in range(PHOTOS):
        (folder / f"{number:02}.jpg").write_bytes(grace_hopper)
    environment = {
        **os.environ,
        "XCLOUD_VAR_DIR": str(tmp_path / "var"),
        "DATABASE_URL": f"sqlite:///{database}",
        "XCLOUD_LOG_LEVEL": "ERROR",
    }

    def start(*command: object) -> "subprocess.Popen[str]":
        program = [sys.executable, str(ROOT / "manage.py"), *map(str, command)]
        return subprocess.Popen(
            program, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def count(table: str) -> int:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20) as connection:
            return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608

    for command in (["migrate", "--verbosity", "0"], ["ensure_admin"]):
        said, _ = (process := start(*command)).communicate()
        assert process.returncode == 0, said
    first = start("analyze_folder", folder, "--out", out)
    ends = time.monotonic() + 300
    while not count("cv_analysis") and first.poll() is None and time.monotonic() < ends:
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = count("cv_analysis")
    assert 0 < before < PHOTOS
    assert not out.exists()

    # The killed process's images are free when its leases end; to save the wait, the leases end now.
    with sqlite3.connect(database, timeout=20) as connection:
        connection.execute("UPDATE cv_jobitem SET due_at = '2020-01-01 00:00:00' WHERE state = 'running'")
    second = start("analyze_folder", folder, "--out", out)
    said, _ = second.communicate()
    assert second.returncode == 0, said
    assert f"continuing: {before} of {PHOTOS} images are done" in said
    assert f"{PHOTOS} images with {PHOTOS} faces analyzed, 0 failed" in said
    assert sorted(pq.read_table(out)["name"].to_pylist()) == sorted(file.name for file in folder.iterdir())
    assert (count("cv_analysis"), count("cv_face"), count("cv_job")) == (PHOTOS, PHOTOS, 1)
