"""Makes an API key and prints it, once."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv.services import api_key_create


class Command(BaseCommand):
    help = "Makes an API key and prints it once, alone on the last line. Only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for")
        parser.add_argument("--user", help="the user whose pages also show what the key does")
        parser.add_argument("--days", type=int, help="the key stops working after so many days")

    def handle(self, *args: Any, name: str, user: str | None, days: int | None, **options: Any) -> None:
        if days is not None and days < 1:
            raise CommandError("--days must be at least 1")
        if not 1 <= len(name) <= 100:
            raise CommandError("the name must have from 1 to 100 characters")
        owner = None
        if user is not None:
            owner = User.objects.filter(username=user).first()
            if owner is None:
                raise CommandError(f"there is no user {user!r}")
        row, key = api_key_create(name, owner, days)
        self.stderr.write(f"API key {row.name!r}. It is shown this once; send it as `Authorization: Bearer KEY`.")
        self.stdout.write(key)
