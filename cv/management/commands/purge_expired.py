"""Deletes expired data, if the server does not do it itself (XCLOUD_PURGE_MINUTES)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cv.files.stores import StorageUnavailable
from cv.search.base import SearchUnavailable
from cv.services import expired_purge


class Command(BaseCommand):
    help = (
        "Deletes expired analyses with their pictures, and pictures without an analysis. The server does it by itself "
        "unless XCLOUD_PURGE_MINUTES is 0."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            purged = expired_purge()
        except (StorageUnavailable, SearchUnavailable) as error:
            raise CommandError(f"{error}; the next run removes the rest") from error
        self.stdout.write(f"removed {purged.analyses} expired analyses and {purged.pictures} pictures without one")
        self.stdout.write(
            f"removed {purged.answers} remembered answers, {purged.deliveries} webhook deliveries "
            f"and {purged.audit_events} audit events that were old"
        )
        self.stdout.write(
            f"removed {purged.jobs} old jobs and {purged.inputs} inputs of jobs that are no longer needed"
        )
        self.stdout.write(f"removed {purged.enrolled_faces} expired faces of collections")
        self.stdout.write(f"removed {purged.files} files of rows that were already deleted")
