"""Builds the search index of collections again from the rows."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cv.models import Collection
from cv.search.base import SearchUnavailable
from cv.search.served import drop_index, served_index, tidy_indexes, update_index
from cv.trust.sealing import Unreadable


class Command(BaseCommand):
    help = (
        "Drops the search index of every collection, and builds it again from the rows in SQL. Needed only for an "
        "index outside of this machine's memory, after its server lost data or was replaced."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for collection in Collection.objects.order_by("created_at").values_list("pk", flat=True):
                drop_index(collection)
                try:
                    update_index(collection)
                except Unreadable:
                    self.stderr.write(f"{collection}: left out, its vectors were sealed with another SECRET_KEY")
                    continue
                except Collection.DoesNotExist:
                    continue
                self.stdout.write(f"{collection}: {served_index().count(collection):,} faces")
            tidy_indexes()
        except SearchUnavailable as error:
            raise CommandError(f"{error}; the next run builds all of it again") from error
