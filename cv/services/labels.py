"""Saves what people say is right about a face, and moves it to the new faces of an analysis made again."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import transaction

from cv.choices import AuditAction
from cv.engine.types import Box
from cv.models import Analysis, Face, FaceLabel
from cv.services.audit import audit_note
from cv.trust.caller import Caller

# The intersection over union of two boxes, below which they are two faces.
SAME_FACE: Final = 0.5


def labels_set(analysis: Analysis, index: int, values: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Replaces the face's labels of outputs that the caller may read by ``values``; returns all that it may read.

    Raises Face.DoesNotExist.
    """
    with transaction.atomic():
        # Waits for an analysis that is being made again, which replaces the faces.
        Analysis.objects.select_for_update().get(pk=analysis.pk)
        face = Face.objects.get(analysis=analysis, index=index)
        FaceLabel.objects.filter(face=face, output__in=caller.attributes).delete()
        FaceLabel.objects.bulk_create(
            [FaceLabel(face=face, output=output, value=value) for output, value in values.items()]
        )
        audit_note(caller, AuditAction.LABEL_CHANGE, [analysis.pk])
    return dict(values)


def labels_of(analysis: Analysis) -> list[tuple[Box, FaceLabel]]:
    """The labels of all faces, each with the face's box."""
    rows = FaceLabel.objects.filter(face__analysis=analysis).select_related("face")
    return [(label.face.box, label) for label in rows]


def labels_move(labels: Iterable[tuple[Box, FaceLabel]], faces: Iterable[Face]) -> None:
    """Saves the labels again for the ``faces`` at the same places; labels of faces no longer found are gone."""
    rows = list(faces)
    moved = []
    for box, label in labels:
        best = max(rows, key=lambda face: face.box.overlap(box), default=None)
        if best is not None and best.box.overlap(box) >= SAME_FACE:
            moved.append(FaceLabel(face=best, output=label.output, value=label.value, created_at=label.created_at))
    FaceLabel.objects.bulk_create(moved, ignore_conflicts=True)
