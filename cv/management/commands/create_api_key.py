"""Makes an API key and prints it, once."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv.choices import Scope
from cv.engine.outputs import public_outputs
from cv.management.refusals import check_range
from cv.services import api_key_create
from cv.trust.limits import MOST_DAYS, MOST_RATE


class Command(BaseCommand):
    help = "Creates an API key and prints it once, alone on the last line. Only its hash is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        outputs = [output.name for output in public_outputs()]
        parser.add_argument("name", help="what the key is for")
        parser.add_argument("--user", help="the user whose pages also show the key's analyses")
        parser.add_argument("--days", type=int, help=f"the key expires after this many days, at most {MOST_DAYS}")
        parser.add_argument(
            "--scopes", nargs="+", type=Scope, choices=list(Scope), default=None, metavar="SCOPE",
            help=f"what the key may do, of {', '.join(Scope)}; default: all but {Scope.IDENTIFY} and {Scope.ADMIN}",
        )  # fmt: skip
        parser.add_argument(
            "--attributes", nargs="+", choices=outputs, default=None, metavar="ATTRIBUTE",
            help=f"the attributes that it may get, of {', '.join(outputs)}; default: all",
        )  # fmt: skip
        parser.add_argument("--rate", type=int, help="at most this many requests per minute")

    def handle(
        self,
        *args: Any,
        name: str,
        user: str | None,
        days: int | None,
        scopes: list[Scope] | None,
        attributes: list[str] | None,
        rate: int | None,
        **options: Any,
    ) -> None:
        check_range("--days", days, 1, MOST_DAYS)
        check_range("--rate", rate, 1, MOST_RATE)
        if not 1 <= len(name) <= 100:
            raise CommandError("the name must have from 1 to 100 characters")
        owner = None
        if user is not None:
            owner = User.objects.filter(username=user).first()
            if owner is None:
                raise CommandError(f"there is no user {user!r}")
        row, key = api_key_create(name, owner, days, scopes=scopes, attributes=attributes, rate_per_minute=rate)
        self.stderr.write(f"API key {row.name!r}. It is shown only once; send it as `Authorization: Bearer KEY`.")
        self.stdout.write(key)
