"""Works on jobs until it is told to stop. Any number may run, on any number of machines."""

import os
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv import bells
from cv.engine.errors import ModelNotReady


class Command(BaseCommand):
    help = "Processes jobs. On SIGTERM or Ctrl-C it finishes the images in its engines and returns the others."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exit-when-idle", type=float, metavar="S", help="exit after S seconds without work")
        parser.add_argument(
            "--exit-with-parent", action="store_true", help="exit when standard input closes (a pipe from the parent)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: the engine's libraries take seconds to load, and `help` does not need them.
        from cv.workers.process import step_back, worker_here

        step_back()
        if settings.XCLOUD_BROKER_URL and options["exit_when_idle"] is None:
            from cv.workers.celery import run

            # Celery listens for the bell and starts the same loop; see cv.workers.celery.
            sys.exit(run())
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: _stop(stop))
        if options["exit_with_parent"]:
            threading.Thread(target=_watch_parent, args=[stop], name="parent", daemon=True).start()
        try:
            closed = worker_here(stop).run(options["exit_when_idle"])
        except ModelNotReady as error:
            raise CommandError(f"jobs cannot be processed: {error}") from error
        self.stdout.write(f"processed {closed} images")


def _stop(stop: threading.Event) -> None:
    if stop.is_set():
        # A second signal stops at once; when the leases expire, other workers take over the images.
        sys.exit(1)
    stop.set()
    bells.JOBS.ring()


def _watch_parent(stop: threading.Event) -> None:
    # Not through sys.stdin: a thread that waits for its lock when the process ends makes Python abort.
    while os.read(0, 1024):
        pass
    stop.set()
    bells.JOBS.ring()
