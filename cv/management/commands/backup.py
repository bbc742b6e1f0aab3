"""Writes a backup, as ``restore`` reads it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv.files.backups import BackupFailed, backup_write
from cv.files.stores import StorageUnavailable


class Command(BaseCommand):
    help = "Writes the database, all kept files and the server's keys into one archive, while the server runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the archive, for example backup.tar; an older one is replaced")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            count = backup_write(file)
        except (BackupFailed, StorageUnavailable, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{file}: the database, {count} kept files and the keys, {file.stat().st_size:,} bytes")
