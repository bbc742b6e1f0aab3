"""Tells every process that the faces of a collection changed."""

from uuid import UUID

from django.db.models import F

from cv.models import Collection


def revision_raise(*collections: UUID) -> None:
    """Call it in the transaction that adds, removes or moves faces: indexes and groups read before are behind now."""
    Collection.objects.filter(pk__in=collections).update(revision=F("revision") + 1)
