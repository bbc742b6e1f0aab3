"""Programs that tests run on a SQLite database in a file, as in production; each prints JSON.

``python -m tests.cv.services.on_a_file NAME`` runs one; the environment names the database and a folder.
"""

import io
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
from PIL import Image

django.setup()

from django.conf import settings  # noqa: E402 -- after Django is set up
from django.core.files.storage import default_storage  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from cv import services  # noqa: E402
from cv.choices import AuditAction  # noqa: E402
from cv.models import Analysis, Face, Job, JobItem  # noqa: E402
from cv.trust.caller import Caller  # noqa: E402
from tests.factories import face_result, stored_analysis  # noqa: E402

# As slow as a remote storage.
FILE_S = 0.25


def small_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 24), "grey").save(file, "JPEG")
    return file.getvalue()


def longest_wait(work: Any, caller: Caller) -> float:
    """Seconds that the slowest of many audit events took while ``work`` ran in another thread."""
    worker = threading.Thread(target=work)
    worker.start()
    waits = [0.0]
    while worker.is_alive():
        started = time.perf_counter()
        services.audit_note(caller, AuditAction.ANALYSIS_LIST)
        waits.append(time.perf_counter() - started)
        time.sleep(0.01)
    worker.join()
    return max(waits)


def slow_files(caller: Caller) -> dict[str, Any]:
    """Erases eight pictures from a slow storage."""
    for _ in range(8):
        stored_analysis(caller, data=small_picture(), image=True, subject="Jane")
    storage: Any = default_storage._wrapped  # type: ignore[attr-defined]
    at_once = type(storage).delete

    def slow_delete(self: Any, name: str) -> None:
        time.sleep(FILE_S)
        at_once(self, name)

    type(storage).delete = slow_delete
    started = time.perf_counter()
    waited = longest_wait(lambda: services.subject_erase("Jane", caller), caller)
    return {"waited": waited, "took": time.perf_counter() - started, "left": Analysis.objects.count()}


def large_job(caller: Caller) -> dict[str, Any]:
    """Deletes a job of 5,000 images and analyses, with one face each, while others write."""
    count = 5_000
    stored_analysis(caller, face_result(), subject="Jane")
    analysis = Analysis.objects.values().get()
    face = Analysis.objects.get().faces.values().get()
    job = Job.objects.create(
        api_key=caller.api_key, source="urls", item_count=count, asked_attributes=[], min_face_px=40, max_faces=10,
        state="done",
    )  # fmt: skip
    ids = [uuid4() for _ in range(count)]
    Analysis.objects.bulk_create((Analysis(**{**analysis, "id": pk}) for pk in ids), batch_size=1000)
    copies = ({**face, "id": None, "analysis_id": pk} for pk in ids)
    Face.objects.bulk_create((Face(**copy) for copy in copies), batch_size=1000)
    rows = (JobItem(job=job, index=index, state="done", analysis_id=pk) for index, pk in enumerate(ids))
    JobItem.objects.bulk_create(rows, batch_size=1000)
    started = time.perf_counter()
    gone = services.job_delete(job, caller, with_analyses=True)
    answered = time.perf_counter() - started
    waited = longest_wait(services.jobs_delete_further, caller)
    return {
        "gone": gone,
        "answered": answered,
        "waited": waited,
        "took": time.perf_counter() - started,
        "left": Analysis.objects.count(),
    }


def traces(caller: Caller) -> dict[str, Any]:
    """Erases a subject and reports which files on the disk contain its name before and after."""
    database = Path(settings.DATABASES["default"]["NAME"])

    def found() -> list[str]:
        files = sorted(database.parent.glob(f"{database.name}*"))
        return [file.name.removeprefix(database.name) for file in files if b"Jane Q. Public" in file.read_bytes()]

    for number in range(30):
        stored_analysis(caller, face_result(), subject="Jane Q. Public" if number % 2 else f"visitor {number}")
    connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
    stored_analysis(caller, face_result(), subject="Jane Q. Public")
    before = found()
    services.subject_erase("Jane Q. Public", caller)
    return {"before": before, "after": found(), "kept": Analysis.objects.count()}


def main(name: str) -> None:
    call_command("migrate", verbosity=0)
    key, _ = services.api_key_create("tests")
    print(json.dumps(PROGRAMS[name](Caller(api_key=key))))  # noqa: T201 -- the test reads it


PROGRAMS = {"slow_files": slow_files, "large_job": large_job, "traces": traces}

if __name__ == "__main__":
    main(sys.argv[1])
