"""Checks that the storage of kept files works as the service uses it."""

import secrets
import time
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv.files.stores import StorageUnavailable, kept_files

PAUSE_S = 2


class Command(BaseCommand):
    help = "Writes, reads, lists and deletes a small file in the storage of pictures, and reports what fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--create-bucket", action="store_true", help="create the S3 bucket if it is missing")
        parser.add_argument("--wait", type=float, default=0, metavar="S", help="try for S seconds before giving up")

    def handle(self, *args: Any, create_bucket: bool, wait: float, **options: Any) -> None:
        ends = time.monotonic() + wait
        while True:
            try:
                if create_bucket:
                    kept_files().prepare()
                try_out()
                break
            except StorageUnavailable as error:
                if time.monotonic() >= ends:
                    raise CommandError(f"{error} ({error.__cause__})") from error
                time.sleep(PAUSE_S)
        self.stdout.write("the storage of kept files works")


def try_out() -> None:
    """Raises StorageUnavailable, also if the data read differ from the data written."""
    data = secrets.token_bytes(1024)
    name = default_storage.save(f"checks/{uuid.uuid4().hex}", ContentFile(data))
    try:
        with default_storage.open(name) as file:
            if file.read() != data:
                raise StorageUnavailable("returned other bytes than were written")
        if name not in [found.name for found in kept_files().files("checks/")]:
            raise StorageUnavailable("does not list a file that it stores")
    finally:
        default_storage.delete(name)
