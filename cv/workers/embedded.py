"""Runs a worker process for the server while there is work, if there is no broker. So jobs work without setup.

It is a process of its own, so that requests do not share an interpreter with it. It ends when it has been idle for a
while and when the server ends, even by SIGKILL. It is restarted if it dies. Only one server process on a machine
starts it.
"""

import logging
import subprocess
import sys
import threading
from typing import Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from cv import bells
from cv.services.job_items import work_is_waiting
from cv.services.job_listing import listing_is_waiting
from cv.services.jobs import jobs_finish_over
from cv.workers.alone import alone

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
IDLE_S: Final = 60
# The delay before a failed worker is restarted.
BREATH_S: Final = 5.0


def start_thread() -> None:
    """Starts the thread that supervises the embedded worker, if it is enabled in the settings."""
    if settings.XCLOUD_JOB_WORKER and not settings.XCLOUD_BROKER_URL:
        threading.Thread(target=run_forever, args=[threading.Event()], name="job-worker", daemon=True).start()


def run_forever(stop: threading.Event) -> None:
    """Runs a worker when there is work. Survives outages of the database.

    Also ends jobs without open items: all their images were refused, or a worker died after the last.
    """
    while not stop.is_set():
        try:
            close_old_connections()
            jobs_finish_over()
            if work_is_waiting() or listing_is_waiting():
                with alone("job_worker") as mine:
                    if mine and not _worked():
                        stop.wait(BREATH_S)
                        continue
        except DatabaseError:
            log.exception("jobs: the database does not answer")
        except Exception:
            log.exception("jobs: the worker could not be started")
        bells.JOBS.wait(LOOK_S)


def _worked() -> bool:
    """Runs a worker until it exits; returns whether it succeeded.

    Its standard input is a pipe from this process. The worker reads its end when this process is gone.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"]
    options = ["--exit-when-idle", str(IDLE_S), "--exit-with-parent"]
    with subprocess.Popen([*command, *options], stdin=subprocess.PIPE) as worker:  # noqa: S603 -- our own program
        code = worker.wait()
    if code:
        log.error("jobs: the worker ended with %d; it is started again", code)
    return code == 0
