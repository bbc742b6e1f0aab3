"""The page that says how right the answers are on the faces that the visitor labelled."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cv.choices import AuditAction
from cv.labelling.report import report_of
from cv.selectors import labelled_faces
from cv.services import audit_note
from web.pages.base import caller_of, page


@page
def measure(request: HttpRequest) -> HttpResponse:
    """Right and wrong answers by attribute, with confidence intervals, and downloads of the labels."""
    caller = caller_of(request)
    faces = list(labelled_faces(caller))
    audit_note(caller, AuditAction.LABEL_EXPORT, count=len(faces))
    return render(request, "measure.html", {"report": report_of(faces, caller.attributes)})
