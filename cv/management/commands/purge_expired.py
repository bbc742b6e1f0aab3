"""Removes what is past its time; to be run daily."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cv.files.stores import StorageUnavailable
from cv.services import expired_purge


class Command(BaseCommand):
    help = "Removes expired analyses with their pictures, and pictures that no analysis names. Run it daily."

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
