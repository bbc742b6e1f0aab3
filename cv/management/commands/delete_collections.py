"""Lists the collections of all owners, and deletes those named: also while identity is off."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from cv.models import Collection
from cv.search.base import SearchUnavailable
from cv.services import collection_delete


class Command(BaseCommand):
    help = (
        "Lists the collections of all owners with the number of their faces or, with ID or --all, deletes these "
        "collections with their faces, vectors, groups and search index. Works while XCLOUD_IDENTITY is off, too, "
        "when the API answers nothing about collections."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", type=UUID, nargs="*", metavar="ID", help="a collection to delete")
        parser.add_argument("--all", action="store_true", help="delete every collection")

    def handle(self, *args: Any, ids: list[UUID], **options: Any) -> None:
        if ids and options["all"]:
            raise CommandError("name collections, or give --all; not both")
        rows = Collection.objects.annotate(face_count=Count("faces")).order_by("created_at", "pk")
        chosen = list(rows.select_related("owner", "api_key").filter(pk__in=ids) if ids else rows)
        if missing := set(ids) - {row.pk for row in chosen}:
            raise CommandError(f"nothing was deleted: no collection has the id {', '.join(map(str, sorted(missing)))}")
        deletes = bool(ids) or options["all"]
        for row in chosen:
            said = f"{row.pk}  {row.created_at:%Y-%m-%d}  {owner_of(row)}  {row.face_count:,} faces  {row.name}"
            if deletes:
                try:
                    collection_delete(row, None)
                except SearchUnavailable as error:
                    raise CommandError(f"{error}; the next run deletes the rest") from error
            self.stdout.write(f"deleted {said}" if deletes else said)
        if not chosen:
            self.stdout.write("there are no collections")


def owner_of(row: Collection) -> str:
    return f"key {row.api_key.name!r}" if row.api_key is not None else f"user {row.owner}"
