"""Without a broker: the server starts a worker of its own when there is something to do, so that jobs just work.

It is a process, so that requests do not share an interpreter with it. It ends when it was idle for a while, when the
server goes, also by SIGKILL, and is started again if it dies. Of several server processes on a machine one has it.
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
from cv.services.jobs import jobs_finish_over
from cv.workers.alone import alone

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
IDLE_S: Final = 60
# After a worker that failed: not again and again without a breath.
BREATH_S: Final = 5.0


def start_thread() -> None:
    """Starts the thread that looks after the server's own worker, where the settings want one."""
    if settings.XCLOUD_JOB_WORKER and not settings.XCLOUD_BROKER_URL:
        threading.Thread(target=run_forever, args=[threading.Event()], name="job-worker", daemon=True).start()


def run_forever(stop: threading.Event) -> None:
    """A worker whenever there is work; a database that is away for a while does not end it.

    Jobs that have nothing left to do end without one: all their images were refused, or a worker died behind the last.
    """
    while not stop.is_set():
        try:
            close_old_connections()
            jobs_finish_over()
            if work_is_waiting():
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
    """Runs a worker; whether it ended well.

    Its standard input is a pipe from us: where we are gone, it sees the end of it.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"]
    options = ["--exit-when-idle", str(IDLE_S), "--exit-with-parent"]
    with subprocess.Popen([*command, *options], stdin=subprocess.PIPE) as worker:  # noqa: S603 -- our own program
        code = worker.wait()
    if code:
        log.error("jobs: the worker ended with %d; it is started again", code)
    return code == 0
