"""Restores what ``backup`` wrote."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv.files.backups import BackupFailed, backup_restore
from cv.files.stores import StorageUnavailable


class Command(BaseCommand):
    help = (
        "Restores a backup into the configured database and storage, and migrates it. Stop servers and workers first."
    )
    # The database may not have any table yet.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what `manage.py backup` wrote")
        parser.add_argument("--replace", action="store_true", help="delete what is in the database")

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        try:
            count = backup_restore(file, replace)
        except (BackupFailed, StorageUnavailable) as error:
            raise CommandError(str(error)) from error
        call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write(f"restored the database, {count} kept files and the keys")
