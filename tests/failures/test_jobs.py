"""A big job while workers, the broker and the database's connections are killed: all of it is done, and all once.

What happens when is drawn from a fixed seed, as counts of images done, so that all of it happens to a job that runs.
"""

import hashlib
import random
import time
from collections import Counter

from django.conf import settings
from django.db import connection
from django.db.models import Count

from cv.choices import ItemState, JobState, WebhookEvent
from cv.engine.types import AnalysisOptions
from cv.models import Analysis, Face, Job, JobItem, WebhookDelivery
from cv.services import JobRequest, job_create, webhook_create
from cv.services.job_items import result_id
from cv.trust.caller import Caller
from tests.failures.brokers import Broker
from tests.failures.waiting import wait_for
from tests.failures.workers import END_S, START_S, Workers
from tests.jobs import archive, made_job

SEED = 20261122
KILLS, CUTS, LOSSES, DEPLOYS = 5, 6, 3, 2
# Between two steps of the job on a machine that has other things to do.
STEP_S = 240.0
# Workers look by themselves every ten seconds; three rings in a row that are heard take less.
HEARD_S = 6.0


def test_nothing_is_lost_and_nothing_done_twice(
    caller: Caller, photos: list[bytes], workers: Workers, broker: Broker | None
) -> None:
    webhook_create("https://example.org/", [WebhookEvent.ANALYSIS_CREATED, WebhookEvent.JOB_FINISHED])
    # Without attributes: what is computed of a face is not what fails here.
    options = AnalysisOptions(attributes=frozenset())
    inputs = archive((f"{number}.png", photo) for number, photo in enumerate(photos))
    job = job_create(JobRequest(inputs, options), caller)
    workers.start()
    wait_until_done(job, 1, workers)
    workers.finish()
    assert_given_back(job)
    workers.start()

    dice = random.Random(SEED)  # noqa: S311 -- nothing here is secret
    cut = 0
    for moment, event in plan(dice, len(photos), broker):
        wait_until_done(job, moment, workers)
        match event:
            case "kill":
                workers.kill_one(dice)
            case "deploy":
                workers.finish()
                workers.start()
            case "cut":
                cut += cut_connections()
            case "loss":
                assert broker
                broker.kill()
                broker.start()
    wait_for("the job's end", lambda: not is_open(job), STEP_S, lambda: f"{counts(job)}\n{workers.told()}")

    assert_done_once(job, photos)
    # What was meant to happen did: connections were cut, and killed workers had images.
    assert cut > 0 or connection.vendor != "postgresql"
    assert JobItem.objects.filter(job=job, attempts__gt=1).exists()
    if broker:
        assert_heard(caller, photos, workers, broker)
    workers.finish()


def plan(dice: random.Random, count: int, broker: Broker | None) -> list[tuple[int, str]]:
    """After how many images what happens; the last kill while the images of those killed before are tried again."""
    events = ["kill"] * (KILLS - 1) + ["deploy"] * (DEPLOYS - 1)
    if connection.vendor == "postgresql":
        events += ["cut"] * CUTS
    if broker:
        events += ["loss"] * LOSSES
    drawn = [(dice.randint(count // 20, count * 9 // 10), event) for event in events]
    return [*sorted(drawn), (count - 5, "kill")]


def wait_until_done(job: Job, count: int, workers: Workers) -> None:
    done = JobItem.objects.filter(job=job, state=ItemState.DONE)
    wait_for(f"{count} images", lambda: done.count() >= count, STEP_S, lambda: f"{counts(job)}\n{workers.told()}")


def counts(job: Job) -> dict[str, int]:
    return Counter(JobItem.objects.filter(job=job).values_list("state", flat=True))


def is_open(job: Job) -> bool:
    job.refresh_from_db()
    return job.finished_at is None


def cut_connections() -> int:
    """Ends every connection to the test's database but the test's own, and what it was doing; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (count,) = cursor.fetchone()
    return int(count)


def assert_given_back(job: Job) -> None:
    """Workers that were told to end hold nothing, and nothing of it counts as a try."""
    assert set(counts(job)) == {ItemState.DONE, ItemState.PENDING}
    assert not JobItem.objects.filter(job=job, state=ItemState.PENDING).exclude(lease="", attempts=0).exists()


def assert_done_once(job: Job, photos: list[bytes]) -> None:
    items = list(JobItem.objects.filter(job=job).select_related("analysis").order_by("index"))
    assert [(item.index, item.state, item.error_code) for item in items] == [
        (index, ItemState.DONE, "") for index in range(len(photos))
    ]
    assert [(item.lease, item.due_at, item.location) for item in items] == [("", None, "")] * len(photos)
    # Each its own analysis, of its own photo, and no other analysis beside them.
    assert [item.analysis_id for item in items] == [result_id(item) for item in items]
    assert [item.analysis.image_sha256 for item in items if item.analysis] == [
        hashlib.sha256(photo).hexdigest() for photo in photos
    ]
    assert Analysis.objects.count() == len(photos)
    assert set(Analysis.objects.annotate(rows=Count("faces")).values_list("face_count", "rows")) == {(1, 1)}
    assert Face.objects.count() == len(photos)

    assert (job.state, job.item_count) == (JobState.DONE, len(photos))
    told = WebhookDelivery.objects.filter(event=WebhookEvent.JOB_FINISHED)
    assert [delivery.payload["data"] for delivery in told] == [
        {"job": str(job.pk), "state": JobState.DONE, "done": len(photos), "failed": 0}
    ]
    created = WebhookDelivery.objects.filter(event=WebhookEvent.ANALYSIS_CREATED)
    assert sorted(delivery.payload["data"]["analysis"] for delivery in created) == sorted(
        str(result_id(item)) for item in items
    )
    assert [file for file in settings.MEDIA_ROOT.rglob("*") if file.is_file()] == []


def assert_heard(caller: Caller, photos: list[bytes], workers: Workers, broker: Broker) -> None:
    """Workers listen again to a broker that knew nothing of them."""
    broker.wait(START_S)
    time.sleep(HEARD_S)
    waited = 0.0
    for number in range(3):
        job = made_job(caller, archive([(f"{number}.png", photos[number])]))
        wait_for("a job of one image", lambda job=job: not is_open(job), END_S, workers.told)  # type: ignore[misc]
        assert job.started_at
        waited += (job.started_at - job.created_at).total_seconds()
    assert waited < HEARD_S, f"three rings were heard after {waited:.1f} s"
