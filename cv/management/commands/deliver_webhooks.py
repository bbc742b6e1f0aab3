"""Delivers webhooks from a process of its own."""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cv import bells
from cv.workers.deliveries import deliver_due, run_forever


class Command(BaseCommand):
    help = (
        "Delivers webhooks until it is stopped; with --once only those that are due now. Safe to run beside the server."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="deliver what is due now, then exit")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            self.stdout.write(f"tried {deliver_due()} deliveries")
            return
        stop = threading.Event()

        def ended(signum: int, frame: FrameType | None) -> None:
            stop.set()
            bells.DELIVERIES.ring()

        signal.signal(signal.SIGTERM, ended)
        signal.signal(signal.SIGINT, ended)
        run_forever(stop)
