"""Removes what is past its time, where the server does not do it by itself (XCLOUD_PURGE_MINUTES)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cv.files.stores import StorageUnavailable
from cv.services import expired_purge


class Command(BaseCommand):
    help = (
        "Removes expired analyses with their pictures, and pictures that no analysis names. The server does it by "
        "itself unless XCLOUD_PURGE_MINUTES is 0."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            purged = expired_purge()
        except StorageUnavailable as error:
            raise CommandError(f"{error}; what was not removed is at the next run") from error
        self.stdout.write(f"removed {purged.analyses} expired analyses and {purged.pictures} pictures without one")
        self.stdout.write(
            f"removed {purged.answers} remembered answers, {purged.deliveries} webhook deliveries "
            f"and {purged.audit_events} audit events that were old enough"
        )
        self.stdout.write(f"removed {purged.jobs} old jobs and {purged.inputs} inputs of jobs that nothing needs")
        self.stdout.write(f"removed {purged.files} files that a deletion before had left")
