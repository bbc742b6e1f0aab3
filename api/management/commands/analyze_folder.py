"""Analyzes all images of a folder and writes one table; continues an interrupted run."""

import hashlib
import json
import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Sum
from rest_framework.exceptions import ValidationError
from tqdm import tqdm

from api.inputs import MAX_SUBJECT, NameField
from api.job_results import FILE_FORMATS, write_results
from cv.choices import ItemState
from cv.engine.errors import ModelNotReady
from cv.engine.outputs import DEFAULT_OUTPUTS, EMBEDDING
from cv.engine.types import MAX_FACES_RANGE, MIN_FACE_PX_RANGE, AnalysisOptions
from cv.identity.odds import identity_model
from cv.jobs.errors import JobRefused
from cv.jobs.local import LocalInputs, expanded
from cv.jobs.progress import JobStatus, status_of
from cv.management.refusals import check_range, file_errors, write_whole
from cv.models import Job, JobItem
from cv.services import JobRequest, StoreOptions, job_create, job_delete, job_delete_further, job_finish
from cv.services.face_folders import photos_sort
from cv.services.jobs import OPEN
from cv.serving.outputs import served_outputs
from cv.trust.caller import Caller
from cv.trust.limits import MOST_DAYS

LOOK_S: Final = 0.5
SOME_FAILED: Final = 2
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Note:
    """The note kept beside the table until it is complete: the job's id, and the options."""

    job: str
    folder: str
    min_face_px: int
    max_faces: int
    ttl_days: int | None
    subject: str
    # None in the notes of older versions, and if the default outputs are used.
    attributes: list[str] | None = None
    # The SHA-256 of all that was named, unless it is one folder, and the patterns to skip.
    named: str = ""
    skip: tuple[str, ...] = ()
    # Where to sort the photos by person; empty: nowhere.
    group: str = ""

    def same_request(self, other: "Note") -> bool:
        return asdict(self) | {"job": other.job, "skip": tuple(self.skip)} == asdict(other)


class Command(BaseCommand):
    help = (
        "Analyzes every image below a folder on all cores, or those named, and writes a table (.parquet, .csv: a row "
        "per face; .jsonl: a line per image). If it is stopped, even by a power cut, call it again and it continues. "
        "Exit status: 0 if all images succeeded, 2 if some failed (the table says why), 130 if it was stopped, 1 if it "
        "could not run or was cancelled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        options = AnalysisOptions()
        parser.add_argument(
            "paths", nargs="+", metavar="PATH",
            help="a folder, files, patterns such as 'photos/**/*.jpg', or - for paths on standard input, one a line or "
            "separated by NUL (find -print0)",
        )  # fmt: skip
        parser.add_argument(
            "--skip", action="append", default=[], metavar="PATTERN",
            help="leave out files and folders with this name or path, such as '*.gif' or 'thumbs'; can be repeated",
        )  # fmt: skip
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=f"one of {', '.join(FILE_FORMATS)}")
        parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists, and start again")
        parser.add_argument("--user", default="", help="the owner of the analyses; default: the first administrator")
        parser.add_argument("--subject", default="", help="your own name for the person in the pictures")
        parser.add_argument("--ttl-days", type=int, help="delete the analyses after this many days")
        parser.add_argument("--forget", action="store_true", help="delete the analyses when the table is written")
        parser.add_argument(
            "--attributes", nargs="+", choices=sorted(served_outputs()), metavar="ATTRIBUTE",
            help=f"which attributes to estimate, of {', '.join(sorted(served_outputs()))}",
        )  # fmt: skip
        parser.add_argument(
            "--group", type=Path, metavar="FOLDER",
            help="also sort the photos by person: a new folder with one for each, where identity is on",
        )  # fmt: skip
        parser.add_argument("--min-face-px", type=int, default=options.min_face_px)
        parser.add_argument("--max-faces", type=int, default=options.max_faces)

    def handle(self, *args: Any, **options: Any) -> None:
        check_range("--min-face-px", options["min_face_px"], *MIN_FACE_PX_RANGE)
        check_range("--max-faces", options["max_faces"], *MAX_FACES_RANGE)
        check_range("--ttl-days", options["ttl_days"], 1, MOST_DAYS)
        out = options["out"]
        paths = named_paths(options["paths"])
        check_paths(paths, out, options["overwrite"])
        check_database()
        one_folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
        caller = Caller(user=owner(options["user"]))
        wanted = Note(
            job=str(uuid.uuid4()),
            folder=str(one_folder.resolve()) if one_folder else "",
            min_face_px=options["min_face_px"],
            max_faces=options["max_faces"],
            ttl_days=options["ttl_days"],
            subject=named(options["subject"]),
            attributes=options["attributes"],
            named="" if one_folder else digest_of(paths),
            skip=tuple(options["skip"]),
            group=group_folder(options["group"], options["overwrite"], caller),
        )
        notes = out.with_name(f"{out.name}.job")
        with file_errors(out):
            if options["overwrite"]:
                out.unlink(missing_ok=True)
                notes.unlink(missing_ok=True)
            note = read_or_write_note(notes, wanted)
        try:
            job = self._job(note, one_folder or paths, caller)
            status, seconds = self._worked(job)
        except (JobRefused, ModelNotReady) as error:
            notes.unlink(missing_ok=True)
            raise CommandError(str(error)) from error
        if status.job.state in OPEN:
            self.stdout.write(
                f"stopped at {count_ended(status)} of {job.item_count}; run the same command again to continue"
            )
            sys.exit(INTERRUPTED)
        with file_errors(out, "; when that is solved, run the same command again to continue"):
            write_results(job, out, caller)
        self._summarise(status, seconds, out)
        if wanted.group:
            with file_errors(Path(wanted.group)):
                people = photos_sort(job, (one_folder or Path()).resolve(), Path(wanted.group))
            self.stdout.write(f"{people:,} people; their photos are in {wanted.group}")
        if options["forget"] and not job_delete(job, caller, with_analyses=True):
            job_delete_further(Job.objects.get(pk=job.pk))
        notes.unlink()
        if cancelled := status.counts[ItemState.CANCELLED]:
            raise CommandError(f"the job was cancelled: {cancelled:,} images were not analyzed")
        if status.counts[ItemState.FAILED]:
            sys.exit(SOME_FAILED)

    def _job(self, note: Note, named: Path | list[Path], caller: Caller) -> Job:
        """The job of an earlier call, or a new job with the id that the note already has."""
        if (job := Job.objects.filter(pk=note.job).first()) is not None:
            self.stdout.write(f"continuing: {count_ended(status_of(job))} of {job.item_count} images are done")
            return job
        wanted = frozenset(note.attributes or served_outputs().intersection(DEFAULT_OUTPUTS))
        if note.group:
            wanted |= {EMBEDDING.name}
        options = AnalysisOptions(wanted, note.min_face_px, note.max_faces)
        store = StoreOptions(ttl_days=note.ttl_days, subject=note.subject)
        inputs = LocalInputs(named, note.skip)
        return job_create(JobRequest(inputs, options, store, job_id=uuid.UUID(note.job)), caller)

    def _worked(self, job: Job) -> tuple[JobStatus, float]:
        """Works on the job until its end or a signal; returns its status and the seconds taken."""
        started = time.monotonic()
        # An earlier call that was killed after its last image did not mark the job as finished.
        job_finish(job.pk)
        if (status := status_of(Job.objects.get(pk=job.pk))).job.state not in OPEN:
            return status, 0.0
        # Imported here: the engine's libraries take seconds to load, and `help` does not need them.
        from cv.workers.process import worker_here

        stop = threading.Event()
        worker = worker_here(stop, only=job.pk)
        work = threading.Thread(target=worker.run, name="worker")
        # The bar shows each image, and the table why one failed.
        logging.getLogger("cv").setLevel(logging.WARNING)
        with ended_by_signals(stop.set), tqdm(total=job.item_count, unit=" images", disable=None) as bar:
            bar.update(count_ended(status_of(job)))
            bar.unpause()
            work.start()
            while work.is_alive():
                work.join(LOOK_S)
                status = status_of(Job.objects.get(pk=job.pk))
                bar.update(count_ended(status) - bar.n)
                if status.job.state not in OPEN:
                    stop.set()
        return status_of(Job.objects.get(pk=job.pk)), time.monotonic() - started

    def _summarise(self, status: JobStatus, seconds: float, out: Path) -> None:
        job = status.job
        faces = JobItem.objects.filter(job=job).aggregate(faces=Sum("analysis__face_count"))["faces"] or 0
        done, failed = status.counts[ItemState.DONE], status.counts[ItemState.FAILED]
        self.stdout.write(f"{done:,} images with {faces:,} faces analyzed, {failed:,} failed")
        failures = JobItem.objects.filter(job=job, state=ItemState.FAILED).order_by().values_list("error_code")
        for code, count in failures.annotate(count=Count("pk")).order_by("-count", "error_code"):
            self.stdout.write(f"  {code}: {count:,}")
        self.stdout.write(f"{seconds:.0f} s in this run; results in {out}")


def named_paths(words: list[str]) -> list[Path]:
    """The paths named, patterns expanded, and those on standard input, as they are, in place of ``-``."""
    found: list[Path] = []
    for word in words:
        if word == "-":
            text = os.fsdecode(sys.stdin.buffer.read())
            found += [Path(path) for path in text.split("\0" if "\0" in text else "\n") if path]
        else:
            found += expanded(word)
    return found


def digest_of(paths: list[Path]) -> str:
    """Names a list of paths in a note; it may be long."""
    return hashlib.sha256(b"\0".join(os.fsencode(path.absolute()) for path in paths)).hexdigest()


def check_database() -> None:
    """Sets a new database up. Raises CommandError if it is of an earlier version, because servers may be using it."""
    executor = MigrationExecutor(connection)
    if not executor.loader.applied_migrations:
        call_command("migrate", interactive=False, verbosity=0)
    elif executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("the database is of an earlier version; run `manage.py migrate` first")


def check_paths(paths: list[Path], out: Path, overwrite: bool) -> None:
    """Raises CommandError."""
    if not paths:
        raise CommandError("no file has such a name")
    for path in paths:
        if not path.exists():
            raise CommandError(f"{path} does not exist")
    if out.suffix.lower() not in FILE_FORMATS:
        raise CommandError(f"--out must end in one of {', '.join(FILE_FORMATS)}")
    if not out.parent.is_dir():
        raise CommandError(f"{out.parent} is not a folder")
    if out.exists() and not overwrite:
        raise CommandError(f"{out} exists already; --overwrite replaces it")


def group_folder(folder: Path | None, overwrite: bool, caller: Caller) -> str:
    """The folder to sort photos into, new or empty. Raises CommandError."""
    if folder is None:
        return ""
    if not caller.may_compute({EMBEDDING.name}):
        raise CommandError("--group: this server does not compare faces: its operator has not turned identity on")
    try:
        identity_model()
    except ModelNotReady as error:
        raise CommandError(f"--group: {error}") from error
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not overwrite):
        raise CommandError(f"--group: {folder} is not empty; --overwrite adds to it")
    return str(folder.resolve())


def named(subject: str) -> str:
    """The subject, validated as in a request. Raises CommandError."""
    try:
        return str(NameField(max_length=MAX_SUBJECT, allow_blank=True).run_validation(subject))
    except ValidationError as error:
        raise CommandError(f"--subject: {'; '.join(map(str, error.detail))}") from None


def owner(username: str) -> User:
    """Raises CommandError if there is no user of that name, or no administrator."""
    found = User.objects.filter(username=username) if username else User.objects.filter(is_superuser=True)
    if (user := found.order_by("pk").first()) is None:
        who = (
            f"there is no user {username!r}"
            if username
            else "there is no administrator yet; create one with `manage.py ensure_admin`"
        )
        raise CommandError(f"--user: {who}")
    return user


def read_or_write_note(file: Path, wanted: Note) -> Note:
    """The note of an earlier call for the same table; otherwise writes ``wanted``. Raises CommandError."""
    if file.exists():
        try:
            note = Note(**json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise CommandError(f"{file} was not written by this command; remove it, or choose another --out") from error
        if not note.same_request(wanted):
            raise CommandError(f"{file} belongs to an unfinished run with other options; --overwrite starts again")
        return note
    write_whole(file, json.dumps(asdict(wanted)))
    return wanted


def count_ended(status: JobStatus) -> int:
    return status.job.item_count - status.counts[ItemState.PENDING] - status.counts[ItemState.RUNNING]


class ended_by_signals:  # noqa: N801 -- a context, named as one
    """The first SIGINT or SIGTERM calls ``end``; after it, the previous handlers apply again."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _on_signal(self, *signal_and_frame: object) -> None:
        self._restore()
        self._end()

    def _restore(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
