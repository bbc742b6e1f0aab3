"""`manage.py redact_folder`: names and dates, what fails, and that an interrupted run continues."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image

from cv.management.commands import redact_folder

DATE_NS = 1_500_000_000_123_456_789


@pytest.fixture
def photos(tmp_path: Path, grace_hopper: bytes, empty_scene: bytes) -> Path:
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    (folder / "hopper.jpg").write_bytes(grace_hopper)
    (folder / "trip" / "road.JPG").write_bytes(empty_scene)
    Image.open(io.BytesIO(empty_scene)).save(folder / "trip" / "scan.tiff")
    (folder / "notes.txt").write_text("Ada in Paris")
    for file in folder.rglob("*.*"):
        os.utime(file, ns=(DATE_NS, DATE_NS))
    return folder


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the images that were given to the engine."""
    names: list[str] = []
    redact_file = redact_folder.redact_file

    def noted(file: Path, copy: Path, **options: Any) -> Any:
        names.append(file.name)
        return redact_file(file, copy, **options)

    monkeypatch.setattr(redact_folder, "redact_file", noted)
    return names


def run(folder: Path, out: Path, *options: str) -> str:
    said = io.StringIO()
    call_command("redact_folder", str(folder), "--out", str(out), *options, stdout=said, stderr=said)
    return said.getvalue()


def test_names_and_dates_stay_and_a_second_run_does_only_what_is_left(
    photos: Path, tmp_path: Path, done: list[str]
) -> None:
    out = tmp_path / "hidden"
    assert "3 images written, 1 faces hidden, 0 images failed" in run(photos, out, "--cover", "bar")
    copies = sorted(file.relative_to(out).as_posix() for file in out.rglob("[!.]*") if file.is_file())
    assert copies == ["hopper.jpg", "trip/road.JPG", "trip/scan.tiff.jpg"]
    assert {(out / name).stat().st_mtime_ns for name in copies} == {DATE_NS}
    hidden = Image.open(out / "hopper.jpg")
    assert (hidden.size, hidden.getpixel((262, 190)), "comment" in hidden.info) == ((512, 600), (0, 0, 0), False)
    (out / "trip" / "road.JPG").unlink()
    os.utime(photos / "hopper.jpg", ns=(DATE_NS, DATE_NS + 1))
    done.clear()
    assert "continuing: 1 of 3 images are done" in run(photos, out, "--cover", "bar")
    assert sorted(done) == ["hopper.jpg", "road.JPG"]


def test_images_that_become_jpegs_do_not_take_the_names_of_others(
    tmp_path: Path, grace_hopper: bytes, empty_scene: bytes, done: list[str]
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "hidden"
    folder.mkdir()
    (folder / "a.tiff.jpg").write_bytes(grace_hopper)
    (folder / "a.tiff.jpg.jpg").write_bytes(grace_hopper)
    Image.open(io.BytesIO(empty_scene)).save(folder / "a.tiff")
    Image.open(io.BytesIO(empty_scene)).save(folder / "a.tiff.jpg.tiff")
    assert "4 images written, 2 faces hidden, 0 images failed" in run(folder, out)
    sizes = {file.name: Image.open(io.BytesIO(file.read_bytes())).size for file in out.glob("[!.]*")}
    scene = Image.open(io.BytesIO(empty_scene)).size
    assert sizes == {
        "a.tiff.jpg": (512, 600),
        "a.tiff.jpg.jpg": (512, 600),
        "a.tiff.jpg.jpg.jpg": scene,
        "a.tiff.jpg.tiff.jpg": scene,
    }
    done.clear()
    assert "continuing: 4 of 4 images are done" in run(folder, out)
    assert done == []


def test_other_options_need_to_be_confirmed(photos: Path, tmp_path: Path) -> None:
    (photos / "hopper.jpg").unlink()
    out = tmp_path / "hidden"
    run(photos, out)
    with pytest.raises(CommandError, match="other options; --overwrite replaces them"):
        run(photos, out, "--cover", "bar")
    assert "2 images written" in run(photos, out, "--cover", "bar", "--overwrite")


def test_what_cannot_be_read_fails_alone_and_has_no_copy(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "hidden"
    (photos / "hopper.jpg").write_bytes(b"\xff\xd8\xff")
    os.mkfifo(photos / "pipe.jpg")
    (out / "trip").mkdir(parents=True)
    (out / "hopper.jpg").write_bytes(b"an earlier copy")
    said = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("redact_folder", str(photos), "--out", str(out), stdout=said, stderr=said)
    assert ended.value.code == 2
    assert "hopper.jpg: undecodable_image: " in said.getvalue()
    assert "pipe.jpg: cannot be read or written: not a file" in said.getvalue()
    assert "2 images written, 0 faces hidden, 2 images failed" in said.getvalue()
    assert not (out / "hopper.jpg").exists()


def test_a_number_out_of_range_is_refused_before_anything_is_written(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"^--min-face-px must be from 12 to 4096, not -3$"):
        run(photos, tmp_path / "hidden", "--min-face-px", "-3")
    assert list(tmp_path.iterdir()) == [photos]


def test_a_folder_that_cannot_be_written_is_named_and_gets_no_half_of_a_note(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=r"file/hidden cannot be read or written: Not a directory$"):
        run(photos, tmp_path / "file" / "hidden")
    out = tmp_path / "hidden"
    (out / ".redact_folder.json.part").mkdir(parents=True)
    with pytest.raises(CommandError, match=r"hidden cannot be read or written: "):
        run(photos, out)
    assert not (out / ".redact_folder.json").exists()


def test_copies_among_the_originals_are_refused(photos: Path) -> None:
    with pytest.raises(CommandError, match="outside of DIR"):
        run(photos, photos / "hidden")


def test_sparing_people_needs_identity(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not compare faces"):
        run(photos, tmp_path / "hidden", "--except-collection", "0f9a2c9e-3c1a-4b0e-9a51-6f3c0d6f2b11")
