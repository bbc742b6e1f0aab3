"""A worker's part for videos: asks an engine, notes how far it is, and stops it when the answer is no longer needed."""

import logging
import threading
import time
from typing import Final

from django.db import InterfaceError, OperationalError, connection

from cv.choices import Source
from cv.engine.pool import EnginePool
from cv.engine.types import AnalysisOptions
from cv.engine.video.types import DEFAULT_RATE, VideoOptions, VideoQuestion, VideoResult
from cv.identity.faces import computed_for
from cv.jobs.videos import kept_video
from cv.models import Job, JobItem
from cv.services.analyses import AnalysisRequest, StoreOptions
from cv.services.job_items import item_progress
from cv.serving.engines import note_video
from cv.trust.caller import Caller

log = logging.getLogger(__name__)

# How often the row says how far a video is, and whether a worker still holds it.
NOTE_S: Final = 2.0


class Stopped(Exception):
    """The worker ends before the video does; another worker begins it again."""


def read_video(
    engines: EnginePool, item: JobItem, job: Job, caller: Caller, lease: str, stop: threading.Event
) -> VideoResult:
    """What an engine finds in a job's video.

    Raises Stopped, LeaseLost if the job was cancelled or another worker has the video, InputGone, StorageUnavailable,
    EngineError, EngineDied.
    """
    if stop.is_set():
        raise Stopped
    noted_at = time.monotonic()

    def note_part(share: float) -> None:
        nonlocal noted_at
        if stop.is_set():
            raise Stopped
        if time.monotonic() - noted_at >= NOTE_S:
            noted_at = time.monotonic()
            _note_progress(item, lease, share)

    with kept_video(item) as file:
        result = engines.read_video(VideoQuestion(file, video_options(job, caller)), note_part)
    note_video(result)
    return result


def _note_progress(item: JobItem, lease: str, share: float) -> None:
    """Raises LeaseLost. An outage of the database costs a note, not the video."""
    try:
        item_progress(item, lease, share)
    except (OperationalError, InterfaceError):
        log.warning("jobs: how far a video is was not noted", extra={"job": item.job_id})
        # A broken connection cannot be repaired; Django opens a new one.
        connection.close()


def video_options(job: Job, caller: Caller) -> VideoOptions:
    """The engine's options. The caller's current permissions apply, not those at the job's creation."""
    return VideoOptions(
        attributes=computed_for(caller.may_compute(job.asked_attributes)),
        min_face_px=job.min_face_px,
        max_faces=job.max_faces,
        rate=job.frame_rate or DEFAULT_RATE,
        stills=job.store_image,
    )


def video_request(job: Job, caller: Caller) -> AnalysisRequest:
    """How the result is stored."""
    options = AnalysisOptions(caller.may_compute(job.asked_attributes), job.min_face_px, job.max_faces)
    return AnalysisRequest(b"", Source.VIDEO, options, StoreOptions(job.store_image, job.store_ttl_days, job.subject))
