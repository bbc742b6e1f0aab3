"""Measures one setup of ``benchmarks.jobs`` in its own process, with the database and broker of its environment.

Every round measures the engine alone and each crew in turn on the same photos, so that other load slows all
equally. Prints one JSON object.
"""

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xcloud.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 -- after Django is set up
from django.db import connection  # noqa: E402

from benchmarks.engine import measure_parallel  # noqa: E402
from benchmarks.job_crews import Crew, measure_cpu_s  # noqa: E402
from benchmarks.photos import read_photos  # noqa: E402
from cv.choices import ItemState  # noqa: E402
from cv.engine.types import AnalysisOptions  # noqa: E402
from cv.jobs.inputs import ArchiveInputs  # noqa: E402
from cv.models import Analysis, Job, JobItem  # noqa: E402
from cv.services import JobRequest, api_key_create, job_create  # noqa: E402
from cv.trust.caller import Caller  # noqa: E402

SERVERS = ("postgres", "redis-server")
WARM_UP = 8
JOB_S = 600
SAMPLE_S = 0.5
# By then idle workers hold no connections; those of all crews together are more than PostgreSQL takes by default.
QUIET_S = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--items", type=int, required=True, help="images of each round's job")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--crews", type=json.loads, required=True, help="[[workers, threads], …]")
    parser.add_argument(
        "--memory-items", type=int, default=0, help="then measure one worker's memory over a job of this many images"
    )
    arguments = parser.parse_args()
    call_command("migrate", verbosity=0)
    caller = Caller(api_key=api_key_create("benchmark")[0])
    read = read_photos(arguments.images, None)
    photos = _repeat(read, arguments.items)
    log = Path(tempfile.mkdtemp()) / "workers.log"
    crews: list[Crew] = []
    try:
        for workers, threads in arguments.crews:
            crews.append(Crew(workers, threads, log))
            crews[-1].wait_until_idle()
            _run_job(photos[: WARM_UP * workers], caller)
            _pause(crews[-1])
        result = _run_rounds(crews, photos, caller, arguments.rounds) if arguments.rounds else {}
        if arguments.memory_items:
            result["memory"] = _measure_memory(crews[0], _repeat(read, arguments.memory_items), caller)
    finally:
        for crew in crews:
            crew.end()
    print(json.dumps(result))


def _run_rounds(crews: list[Crew], photos: list[bytes], caller: Caller, rounds: int) -> dict[str, Any]:
    engine: list[dict[str, float]] = []
    jobs: dict[str, list[dict[str, float]]] = {crew.name: [] for crew in crews}
    for _ in range(rounds):
        engine.append(_measure_engine(photos))
        for crew in crews:
            crew.resume()
            before, servers = crew.cpu_s(), _servers_cpu_s()
            job = _run_job(photos, caller)
            jobs[crew.name].append(
                {
                    "images_per_second": len(photos) / _seconds(job),
                    "cpu_ms_an_image": 1000 * (crew.cpu_s() - before) / len(photos),
                    "servers_cpu_ms_an_image": 1000 * (_servers_cpu_s() - servers) / len(photos),
                }
            )
            _pause(crew)
            print(f"{crew.name}: {jobs[crew.name][-1]}", file=sys.stderr)
    return {"engine": _medians(engine), "jobs": {name: _medians(rows) for name, rows in jobs.items()}}


def _pause(crew: Crew) -> None:
    """Pauses the crew while it is outside a transaction, because a paused worker would keep its locks."""
    while True:
        time.sleep(QUIET_S)
        crew.pause()
        if connection.vendor != "postgresql":
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            if cursor.fetchone() == (0,):
                return
        crew.resume()


def _measure_engine(photos: list[bytes]) -> dict[str, float]:
    before = time.process_time()
    rate = measure_parallel(photos, AnalysisOptions(), threads=2)
    return {
        "images_per_second": rate,
        "cpu_ms_an_image": 1000 * (time.process_time() - before) / len(photos),
    }


def _run_job(photos: list[bytes], caller: Caller) -> Job:
    """Creates a job as the API does, and waits until the running crew ends it. Raises TimeoutError."""
    job = _create_job(photos, caller)
    ends = time.monotonic() + JOB_S
    while job.finished_at is None:
        if time.monotonic() > ends:
            raise TimeoutError("the job did not end")
        time.sleep(0.05)
        job.refresh_from_db()
    done = JobItem.objects.filter(job=job, state=ItemState.DONE).count()
    if done != len(photos):
        raise RuntimeError(f"{done} of {len(photos)} images were done")
    return job


def _create_job(photos: list[bytes], caller: Caller) -> Job:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for number, photo in enumerate(photos):
            packed.writestr(f"{number}.jpg", photo)
    file.seek(0)
    return job_create(JobRequest(ArchiveInputs(file)), caller)


def _seconds(job: Job) -> float:
    assert job.started_at
    assert job.finished_at
    return (job.finished_at - job.started_at).total_seconds()


def _measure_memory(crew: Crew, photos: list[bytes], caller: Caller) -> dict[str, Any]:
    """Resident memory of the crew by images done, from the first image of a long job to the last."""
    crew.resume()
    analyses = Analysis.objects.count()
    curve: list[tuple[int, float]] = []
    job = _create_job(photos, caller)
    while job.finished_at is None:
        curve.append((Analysis.objects.count() - analyses, round(crew.rss_mb(), 1)))
        time.sleep(SAMPLE_S)
        job.refresh_from_db()
    curve.append((len(photos), round(crew.rss_mb(), 1)))
    # The first tenth, in which threads, connections and nets are first used, is not counted.
    warm = statistics.mean(mb for done, mb in curve if len(photos) * 0.1 <= done <= len(photos) * 0.2)
    late = statistics.mean(mb for done, mb in curve if done >= len(photos) * 0.9)
    return {
        "images": len(photos),
        "images_per_second": round(len(photos) / _seconds(job), 2),
        "mb_of_the_second_tenth": round(warm, 1),
        "mb_of_the_last_tenth": round(late, 1),
        "growth": round(late / warm - 1, 4),
        "curve": curve,
    }


def _servers_cpu_s() -> float:
    return sum(map(measure_cpu_s, SERVERS))


def _medians(rows: list[dict[str, float]]) -> dict[str, Any]:
    """The median of each number, and the rate of every round."""
    return {name: round(statistics.median(row[name] for row in rows), 2) for name in rows[0]} | {
        "rounds": [round(row["images_per_second"], 2) for row in rows]
    }


def _repeat(photos: list[bytes], count: int) -> list[bytes]:
    return [photos[number % len(photos)] for number in range(count)]


if __name__ == "__main__":
    main()
