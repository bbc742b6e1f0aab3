"""Removes what is past its time; to be run daily."""

from typing import Any

from django.core.management.base import BaseCommand

from cv.services import expired_purge


class Command(BaseCommand):
    help = "Removes expired analyses with their pictures, and pictures that no analysis names. Run it daily."

    def handle(self, *args: Any, **options: Any) -> None:
        purged = expired_purge()
        self.stdout.write(f"removed {purged.analyses} expired analyses and {purged.pictures} pictures without one")
        self.stdout.write(
            f"removed {purged.answers} remembered answers, {purged.deliveries} webhook deliveries "
            f"and {purged.audit_events} audit events that were old enough"
        )
