"""Writes a copy of a folder in which the faces of all images are hidden; continues an interrupted run."""

import errno
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from cv.engine.edits.types import Cover, EditedPicture, PictureFormat, Redaction
from cv.engine.errors import EngineError, ImageTooLarge, ModelNotReady
from cv.engine.odds import FALSE_MATCH_RATES
from cv.engine.types import MIN_FACE_PX_RANGE
from cv.identity.errors import IdentityRefused
from cv.jobs.inputs import images_below, label
from cv.management.refusals import check_range, file_errors, write_whole
from cv.models import Collection
from cv.services.pictures import Spared, picture_redact
from cv.serving.engines import edited
from cv.serving.gate import Overloaded
from cv.trust.caller import Caller

SOME_FAILED: Final = 2
INTERRUPTED: Final = 130
# The endings whose format goes out. Other images become JPEGs, with .jpg behind their name.
FORMATS: Final = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe"), PictureFormat.JPEG),
    ".png": PictureFormat.PNG,
    ".webp": PictureFormat.WEBP,
}
NOTE: Final = ".redact_folder.json"


class Command(BaseCommand):
    help = (
        "Writes a copy of every image below DIR to OUT with its faces hidden and its metadata removed, under the same "
        "name and date. Files that are no images are not copied. If it is stopped, call it again and it continues; "
        "images that changed are done again. A face that is not found is not hidden: look at the copies before you "
        "publish them. Exit status: 0 if all images succeeded, 2 if some failed and have no copy, 130 if it was "
        "stopped, 1 if it could not run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="a folder outside of DIR")
        parser.add_argument("--cover", choices=[cover.value for cover in Cover], default=Cover.BLUR.value)
        parser.add_argument("--min-face-px", type=int, default=Redaction().min_face_px)
        parser.add_argument(
            "--except-collection", type=UUID, metavar="ID", help="leave the people of this collection visible"
        )
        parser.add_argument(
            "--fmr", type=float, choices=FALSE_MATCH_RATES, default=1e-3,
            help="with --except-collection: the share of strangers who may stay visible",
        )  # fmt: skip
        parser.add_argument("--overwrite", action="store_true", help="do everything again")

    def handle(self, *args: Any, **options: Any) -> None:
        check_range("--min-face-px", options["min_face_px"], *MIN_FACE_PX_RANGE)
        folder, out = options["folder"].resolve(), options["out"].resolve()
        with file_errors(out):
            check_folders(folder, out)
        spared = spared_people(options["except_collection"], options["fmr"])
        asked = {name: str(options[name]) for name in ("cover", "min_face_px", "except_collection", "fmr")}
        with file_errors(out):
            check_note(out / NOTE, {"folder": str(folder), **asked}, options["overwrite"])
        redact = partial(redact_file, cover=Cover(options["cover"]), min_face_px=options["min_face_px"], spared=spared)
        files = with_copies(list(images_below(folder)), folder, out)
        left = [pair for pair in files if options["overwrite"] or not is_done(*pair)]
        if len(left) < len(files):
            self.stdout.write(f"continuing: {len(files) - len(left):,} of {len(files):,} images are done")
        covered, failed = 0, 0
        try:
            for file, picture in tqdm(in_parallel(redact, left), total=len(left), unit=" images", disable=None):
                if isinstance(picture, EditedPicture):
                    covered += picture.edited
                else:
                    failed += 1
                    self.stderr.write(f"{label(file.relative_to(folder).as_posix())}: {told(picture)}")
        except KeyboardInterrupt:
            self.stdout.write("stopped; run the same command again to continue")
            sys.exit(INTERRUPTED)
        except (ModelNotReady, IdentityRefused) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(left) - failed:,} images written, {covered:,} faces hidden, {failed:,} images failed")
        if failed:
            sys.exit(SOME_FAILED)


def check_folders(folder: Path, out: Path) -> None:
    """Raises CommandError. Copies below the folder would be copied again by the next run."""
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder")
    if out.is_relative_to(folder):
        raise CommandError("--out must be outside of DIR")
    out.mkdir(parents=True, exist_ok=True)


def check_note(file: Path, asked: dict[str, str], overwrite: bool) -> None:
    """Notes what is asked for. Raises CommandError if the folder has copies that were made otherwise."""
    text = json.dumps(asked)
    if file.exists() and file.read_text() != text and not overwrite:
        raise CommandError(f"{file.parent} has copies made with other options; --overwrite replaces them")
    write_whole(file, text)


def spared_people(collection_id: UUID | None, fmr: float) -> Spared | None:
    """Raises CommandError."""
    if collection_id is None:
        return None
    if not settings.XCLOUD_IDENTITY:
        raise CommandError("--except-collection: this server does not compare faces (XCLOUD_IDENTITY)")
    if (collection := Collection.objects.filter(pk=collection_id).first()) is None:
        raise CommandError("--except-collection: no collection has this id")
    return Spared(collection, fmr)


def with_copies(files: list[Path], folder: Path, out: Path) -> "list[Pair]":
    """Each image with the place of its copy, which no two share: beside an ``a.heic.jpg``, an ``a.heic`` becomes
    ``a.heic.jpg.jpg``."""
    taken = {file for file in files if file.suffix.lower() in FORMATS}
    pairs = []
    for file in files:
        name = file
        if file.suffix.lower() not in FORMATS:
            while (name := name.with_name(f"{name.name}.jpg")) in taken:
                pass
            taken.add(name)
        pairs.append((file, out / name.relative_to(folder)))
    return pairs


def is_done(file: Path, copy: Path) -> bool:
    """A copy is written whole, and has the date of its image."""
    try:
        return copy.stat().st_mtime_ns == file.stat().st_mtime_ns
    except OSError:
        return False


Pair = tuple[Path, Path]
Outcome = EditedPicture | EngineError | Overloaded | OSError


def in_parallel(redact: "partial[Outcome]", pairs: list[Pair]) -> Iterator[tuple[Path, Outcome]]:
    with ThreadPoolExecutor(settings.XCLOUD_ENGINE_SLOTS) as workers:
        try:
            outcomes = workers.map(lambda pair: redact(*pair), pairs)
            yield from zip((file for file, _ in pairs), outcomes, strict=True)
        finally:
            workers.shutdown(cancel_futures=True)


def redact_file(file: Path, copy: Path, *, cover: Cover, min_face_px: int, spared: Spared | None) -> Outcome:
    """Writes the copy whole or not at all. Raises ModelNotReady, IdentityRefused."""
    redaction = Redaction(cover, min_face_px=min_face_px, format=FORMATS.get(file.suffix.lower(), PictureFormat.JPEG))
    try:
        data, dates = read_bounded(file), file.stat()
        if spared is None:
            picture = edited(data, redaction, "command")
        else:
            owner = Caller(user=spared.collection.owner, api_key=spared.collection.api_key)
            picture = picture_redact(data, redaction, owner, spared=spared)
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = copy.with_name(f".{copy.name}.part")
        draft.write_bytes(picture.data)
        os.utime(draft, ns=(dates.st_atime_ns, dates.st_mtime_ns))
        draft.replace(copy)
    except ModelNotReady:
        raise
    except (EngineError, Overloaded, OSError) as error:
        # A copy of an earlier run would be of another picture.
        copy.unlink(missing_ok=True)
        return error
    return picture


def read_bounded(file: Path) -> bytes:
    """Raises OSError, ImageTooLarge."""
    limit = settings.XCLOUD_ENGINE.limits.max_bytes
    if not file.is_file():
        # A pipe, for one, would be waited for without end.
        raise OSError(errno.EINVAL, "not a file")
    with file.open("rb") as opened:
        data = opened.read(limit + 1)
    if len(data) > limit:
        raise ImageTooLarge(f"the file has more than {limit:,} bytes")
    return data


def told(error: Outcome) -> str:
    """The error's code and message."""
    if isinstance(error, OSError):
        return f"cannot be read or written: {error.strerror}"
    return f"{getattr(error, 'code', '')}: {error}"
