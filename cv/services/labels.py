"""Saves what people say is right about a face."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from cv.choices import AuditAction
from cv.models import Analysis, Face, FaceLabel
from cv.services.audit import audit_note
from cv.trust.caller import Caller


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
