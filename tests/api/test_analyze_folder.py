"""`manage.py analyze_folder`: one complete table of a folder, despite interruptions."""

import csv
import io
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
from pytest_django import Settings

from api.management.commands.analyze_folder import Note, digest_of, named_paths
from cv.engine.config import Pack
from cv.engine.outputs import DEFAULT_OUTPUTS
from cv.engine.types import AnalysisOptions
from cv.jobs.local import LocalInputs, expanded
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


def noted(folder: Path, out: Path, group: str = "") -> Note:
    """The note that the command writes first."""
    note = Note(str(uuid.uuid4()), str(folder), min_face_px=40, max_faces=100, ttl_days=None, subject="", group=group)
    out.with_name(f"{out.name}.job").write_text(json.dumps(asdict(note)))
    return note


def worked(folder: Path, out: Path, owner: User, group: str = "") -> Job:
    """A job of an earlier call that finished all images and was killed before it wrote the table."""
    asked = AnalysisOptions(frozenset({*DEFAULT_OUTPUTS, *(["embedding"] if group else [])}))
    request = JobRequest(LocalInputs(folder), asked, job_id=uuid.UUID(noted(folder, out, group).job))
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


def names_of(job: Job) -> list[str]:
    return list(job.items.order_by("index").values_list("name", flat=True))


def listed(caller: Caller, *named: Path, skip: tuple[str, ...] = ()) -> list[str]:
    inputs = LocalInputs(named[0] if len(named) == 1 else named, skip)
    return names_of(job_create(JobRequest(inputs), caller))


def test_files_folders_and_patterns_are_listed_once_and_some_are_skipped(
    administrator: User, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(user=administrator)
    monkeypatch.chdir(photos.parent)
    photos = Path("photos")
    assert listed(caller, photos, skip=("sub",)) == ["a.jpg", "broken.jpg"]
    assert listed(caller, photos, skip=("sub/*", "bro*")) == ["a.jpg"]
    assert listed(caller, *expanded("photos/**/*.jpg")) == ["photos/a.jpg", "photos/broken.jpg", "photos/sub/b.jpg"]
    assert listed(caller, photos / "a.jpg", photos, skip=("broken.*",)) == ["photos/a.jpg", "photos/sub/b.jpg"]
    # A file that is named is always taken.
    assert listed(caller, photos / "scan.pdf", photos / "a.jpg") == ["photos/scan.pdf", "photos/a.jpg"]


@pytest.mark.parametrize("between", ["\n", "\0"])
def test_paths_come_on_standard_input_as_they_are(photos: Path, monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    paths = [str(photos / "a.jpg"), str(photos / "odd [1].jpg")]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(between.join([*paths, ""]).encode())))
    assert named_paths(["x.jpg", "-"]) == [Path("x.jpg"), *map(Path, paths)]


def test_a_list_of_files_goes_on_only_with_the_same_files(administrator: User, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.csv"
    files = [photos / "a.jpg", photos / "sub" / "b.jpg"]
    note = Note(str(uuid.uuid4()), "", 40, 100, None, "", named=digest_of(files), skip=("*.gif",))
    out.with_name("results.csv.job").write_text(json.dumps(asdict(note)))
    job = job_create(JobRequest(LocalInputs(files), job_id=uuid.UUID(note.job)), Caller(user=administrator))
    job_cancel(job)
    with pytest.raises(CommandError, match="unfinished run"):
        call_command("analyze_folder", str(files[0]), "--out", str(out), "--skip", "*.gif")
    with pytest.raises(CommandError, match="cancelled: 2 images"):
        call_command("analyze_folder", *map(str, files), "--out", str(out), "--skip", "*.gif")


def test_a_database_of_an_earlier_version_is_left_alone(
    administrator: User, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda self, targets: [1])
    with pytest.raises(CommandError, match=r"run `manage.py migrate` first"):
        call_command("analyze_folder", str(photos), "--out", str(tmp_path / "a.csv"))


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
        ((tmp_path / "nowhere", "--out", tmp_path / "a.csv"), "nowhere does not exist"),
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


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--min-face-px", "-3", "--min-face-px must be from 12 to 4096, not -3"),
        ("--max-faces", "0", "--max-faces must be from 1 to 1000, not 0"),
        ("--ttl-days", "-5", "--ttl-days must be from 1 to 3650, not -5"),
        ("--ttl-days", "0", "--ttl-days must be from 1 to 3650, not 0"),
        ("--ttl-days", "99999999", "--ttl-days must be from 1 to 3650, not 99999999"),
    ],
)
def test_a_number_outside_the_limits_of_the_api_is_refused_before_anything_is_written(
    administrator: User, photos: Path, tmp_path: Path, option: str, value: str, said: str
) -> None:
    with pytest.raises(CommandError, match=f"^{said}$"):
        call_command("analyze_folder", str(photos), "--out", str(tmp_path / "a.csv"), option, value)
    assert list(tmp_path.iterdir()) == [photos]
    assert not Job.objects.exists()


def test_where_nothing_can_be_written_no_job_is_made(administrator: User, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv.job.part").mkdir()
    with pytest.raises(CommandError, match=r"a\.csv cannot be read or written: "):
        call_command("analyze_folder", str(photos), "--out", str(tmp_path / "a.csv"))
    assert not Job.objects.exists()


def test_a_table_that_could_not_be_written_is_written_by_the_next_call(
    administrator: User, photos: Path, tmp_path: Path
) -> None:
    out, in_the_way = tmp_path / "results.csv", tmp_path / "results.csv.part"
    worked(photos, out, administrator)
    in_the_way.mkdir()
    with pytest.raises(CommandError, match=r"results\.csv cannot be read or written: .*, run the same command again"):
        call_command("analyze_folder", str(photos), "--out", str(out))
    in_the_way.rmdir()
    assert code_of(photos, "--out", out) == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["photos", "results.csv"]


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
    }

    def start(*command: object) -> "subprocess.Popen[str]":
        program = [sys.executable, str(ROOT / "manage.py"), *map(str, command)]
        return subprocess.Popen(
            program, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def count(table: str) -> int:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20) as connection:
            return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608

    # It sets a new database up by itself, but not a first user.
    said, _ = (process := start("analyze_folder", folder, "--out", out)).communicate()
    assert (process.returncode, "there is no administrator yet" in said) == (1, True)
    said, _ = (process := start("ensure_admin")).communicate()
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
    # No line of the log for each photo.
    assert "analysis saved" not in said
    assert sorted(pq.read_table(out)["name"].to_pylist()) == sorted(file.name for file in folder.iterdir())
    assert (count("cv_analysis"), count("cv_face"), count("cv_job")) == (PHOTOS, PHOTOS, 1)


def test_photos_are_sorted_by_person(
    administrator: User, tmp_path: Path, astronaut: bytes, grace_hopper: bytes, two_faces: bytes, settings: Settings
) -> None:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    photos = tmp_path / "photos"
    (photos / "sub").mkdir(parents=True)
    for name, data in (("hopper.jpg", grace_hopper), ("sub/collins.png", astronaut), ("both.png", two_faces)):
        (photos / name).write_bytes(data)

    worked(photos, tmp_path / "t.csv", administrator, group=str(tmp_path / "people"))
    call_command("analyze_folder", photos, out=tmp_path / "t.csv", group=tmp_path / "people")

    folders = (tmp_path / "people").iterdir()
    sorted_photos = {folder.name: {file.name for file in folder.iterdir()} for folder in folders}
    assert sorted(sorted_photos) == ["person-001", "person-002"]
    assert sorted(map(sorted, sorted_photos.values())) == [["both.png", "hopper.jpg"], ["both.png", "sub__collins.png"]]
    assert "embedding" not in (tmp_path / "t.csv").read_text()
    with pytest.raises(CommandError, match=r"--group: .* is not empty"):
        call_command("analyze_folder", photos, out=tmp_path / "u.csv", group=tmp_path / "people")


def test_photos_are_not_sorted_while_identity_is_off(administrator: User, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="its operator has not turned identity on"):
        call_command("analyze_folder", photos, out=tmp_path / "t.csv", group=tmp_path / "people")
    assert not Job.objects.exists()


def test_photos_are_not_sorted_by_weights_without_a_model_for_it(
    administrator: User, photos: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True, weights_dir=Pack.OPEN.folder())
    with pytest.raises(CommandError, match=r"^--group: no model in service gives embedding$"):
        call_command("analyze_folder", photos, out=tmp_path / "t.csv", group=tmp_path / "people")
    assert list(tmp_path.iterdir()) == [photos]
